// TopKeys.swift: the page of the most denied and most allowed keys of each policy, from what the workers saw.
//
// `count` is at least, and `count - error` at most, how often a key was seen since `since`; the error is at most a 32nd of
// the policy's total. A policy that no check matched meanwhile is left out.

import CheckAPI
import Limiting
import Policies
import PolicyFiles
import Telemetry

struct TopKeys {
  /// What is asked for.
  struct Filter: Equatable {
    /// nil for every domain.
    var domain: String?
    /// nil for every policy.
    var policy: String?
    /// Keys a list.
    var limit = 20

    static let limits = 1...Bounds.topKeys

    init(domain: String? = nil, policy: String? = nil, limit: Int = 20) {
      self.domain = domain
      self.policy = policy
      self.limit = limit
    }

    /// Reads the parameters of a request.
    init(_ request: AdminRequest) throws(Refusal) {
      try request.refuseUnknownParameters(["domain", "policy", "limit"])
      domain = try request.parameter("domain")
      policy = try request.parameter("policy")
      guard let text = try request.parameter("limit") else { return }
      // Digits only: Int takes a sign too.
      guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), Self.limits.contains(number)
      else {
        throw Refusal(400, "parameter limit must be \(Self.limits.lowerBound) to \(Self.limits.upperBound)")
      }
      limit = number
    }

    func includes(_ policy: Policy) -> Bool {
      (domain ?? policy.domain) == policy.domain && (self.policy ?? policy.name) == policy.name
    }

    /// The slots of the policies that are asked for: what to ask workers for.
    func slots(in set: PolicySet) -> Set<UInt32> {
      Set(zip(set.policies, set.slots).lazy.filter { includes($0.0) }.map(\.1))
    }
  }

  private let set: PolicySet
  private let snapshots: [KeySketches.Snapshot]
  private let limit: Int
  private let isHashed: Bool

  /// The page.
  ///
  /// - Parameters:
  ///   - snapshots: Of every worker.
  ///   - isHashed: Whether keys are shown as hashes.
  ///   - now: When this was asked.
  static func page(
    _ snapshots: [KeySketches.Snapshot], _ set: PolicySet, _ filter: Filter, isHashed: Bool, at now: Now
  ) -> String {
    let page = TopKeys(set: set, snapshots: snapshots, limit: filter.limit, isHashed: isHashed)
    let since = now.unix - (now.monotonic - snapshots.reduce(now.monotonic) { min($0, $1.since) })
    let policies = zip(set.policies, set.slots).filter { filter.includes($0.0) }.compactMap(page.member)
    let untracked = snapshots.reduce(0) { $0 + $1.untracked }
    return #"{"since":\#(UnixSeconds.roundedUp(since)),"until":\#(UnixSeconds.roundedUp(now.unix))"#
      + #","policies":\#(JSONText.array(policies))"#
      + #","untracked":\#(untracked)}"# + "\n"
  }

  /// Nil where no check matched the policy.
  private func member(_ policy: Policy, _ slot: UInt32) -> String? {
    let seen = snapshots.flatMap { $0.policies.filter { $0.slot == slot } }
    let denied = TopKeyList(seen.flatMap(\.denied))
    let allowed = TopKeyList(seen.flatMap(\.allowed))
    guard denied.total > 0 || allowed.total > 0 else { return nil }
    return #"{"domain":\#(JSONText.quoted(policy.domain)),"policy":\#(JSONText.quoted(policy.name))"#
      + #","denied":\#(array(denied, policy)),"allowed":\#(array(allowed, policy))"#
      + #","denied_total":\#(denied.total),"allowed_total":\#(allowed.total)}"#
  }

  private func array(_ list: TopKeyList, _ policy: Policy) -> String {
    JSONText.array(list.entries.prefix(limit).map { entry(_: $0, policy) })
  }

  private func entry(_ entry: TopKeyList.Entry, _ policy: Policy) -> String {
    let numbers = #""count":\#(entry.count),"error":\#(entry.error)"#
    let hash = #""hash":"\#(KeyDisplay.text(entry.digest))""#
    let isCut = entry.isCut
    guard !isHashed,
      let key = KeyText(entry.key.span, of: policy.key, ipv6Prefix: set.ipv6Prefix, isCut: isCut)
    else { return "{\(hash),\(numbers)}" }
    return #"{"key":\#(KeyJSON.text(key, of: policy.key)),\#(numbers)\#(isCut ? #","cut":true,\#(hash)"# : "")}"#
  }
}
