// GatewayCheck.swift: the gateway form: a check whose facts are in the head of the request.

public import HTTP1
public import Policies

/// Makes a check of a request in the gateway form.
public enum GatewayCheck {
  /// What the request did not say, for the counters.
  public struct Gaps: Sendable {
    /// An exact `/check` without the target header: its check has no path.
    public var lacksTarget = false
  }

  /// Fills `check` with the attributes that the policies of `set` use.
  ///
  /// - Parameter peer: Who sent the request; nil for a Unix socket, which is always trusted.
  @discardableResult
  public static func fill(
    _ check: inout Check, _ route: GatewayRoute, _ head: RequestHead, _ bytes: Span<UInt8>, peer: IPAddress?,
    _ settings: APISettings, _ table: HeaderTable, _ set: PolicySet
  ) -> Gaps {
    check.begin(set)
    if let domain = route.domain {
      check.setDomain(bytes.extracting(domain.range), in: set)
    } else {
      check.setDomain(PolicyName.defaultDomain.utf8.span, in: set)
    }
    // One pass over the headers. Of several lines of one name the last counts: gateways append theirs.
    var target: ByteRange?
    var method: ByteRange?
    var host: ByteRange?
    var hasClientIP = false
    for header in head.headers {
      let index = table.find(header, in: bytes)
      guard index >= 0 else { continue }
      let roles = table.entries[index].roles
      if roles.contains(.target) { target = header.value }
      if roles.contains(.method) { method = header.value }
      if roles.contains(.host) { host = header.value }
      if roles.contains(.clientIP) { hasClientIP = true }
      let list = table.entries[index].list
      if list >= 0 { check.addLine(bytes.extracting(header.value.range), to: list) }
    }
    if route.target != nil {
      target = route.target
      method = nil
      host = head.host
    }
    if set.uses.contains(.method) {
      check.setMethod(bytes.extracting(lastElement(of: method, else: head.method, bytes)))
    }
    if let host, set.uses.contains(.host) {
      check.setHost(bytes.extracting(lastElement(of: host, else: host, bytes)))
    }
    if let target, !set.uses.isDisjoint(with: [.path, .query]) {
      check.setTarget(bytes.extracting(target.range), in: set)
    }
    if set.uses.contains(.ip) {
      check.ip = ClientAddress.of(head, bytes, peer: peer, hasClientIP: hasClientIP, settings, table)
    }
    return Gaps(lacksTarget: target == nil)
  }

  /// What follows the last comma: a gateway that joins its own value to a client's puts it last.
  private static func lastElement(of list: ByteRange?, else fallback: ByteRange, _ bytes: Span<UInt8>) -> Range<Int> {
    guard let list, !list.isEmpty else { return fallback.range }
    var start = list.upperBound
    while start > list.lowerBound, bytes[start - 1] != UInt8(ascii: ",") { start -= 1 }
    while start < list.upperBound, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    return start == list.upperBound ? fallback.range : start..<list.upperBound
  }
}
