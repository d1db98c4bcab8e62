// Answer+Undecided.swift: the answer to a check that a policy with `on_store_failure: deny` could not decide: an error,
// so that the gateway's own rule for one applies, and no denial. It has no numbers, and no option changes its status.

import HTTP1
public import Policies

extension Answer {
  /// The first charge that leaves its check undecided: its policy enforces and fails closed, and its store did not
  /// answer. -1 where there is none.
  public static func undecidedIndex(_ charges: borrowing [Charge]) -> Int {
    for index in charges.indices where isUndecided(charges[index]) { return index }
    return -1
  }

  private static func isUndecided(_ charge: Charge) -> Bool {
    charge.effect == .limit && charge.place == .nowhere && charge.failsClosed
  }

  /// - Parameter withDate: The JSON form has a `Date`.
  func writeUndecided(
    _ charges: borrowing [Charge], isHead: Bool, withDate: Bool, to out: inout ResponseBuffer
  ) -> Int {
    writeStatusLine(503, to: &out)
    out.append("Retry-After: 1\r\nCache-Control: no-store\r\n")
    writeConnection(to: &out)
    if withDate { writeDate(to: &out) }
    out.append("Content-Type: application/problem+json\r\nContent-Length: ")
    let gap = out.openGap()
    out.append("\r\n\r\n")
    let bodyStart = out.count
    out.append("{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"")
    let index = Self.undecidedIndex(charges)
    if index >= 0 {
      out.append("policy '")
      out.append(string: set.policies[Int(charges[index].policy)].name)
      out.append("' cannot decide, since its store does not answer (on_store_failure: deny)")
    } else {
      out.append("a store does not answer")
    }
    out.append("\",\"allowed\":false,\"degraded\":true}")
    let length = out.count - bodyStart
    if isHead { out.removeLast(length) }
    out.close(gap, with: length)
    return 503
  }
}
