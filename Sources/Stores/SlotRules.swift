// SlotRules.swift: what a store must know of a policy to tell whether one of its cells can be forgotten.

public import Limiting
public import Policies

/// One counter identity, as the sweep sees it.
public struct SlotRules: Sendable, Equatable {
  public var slot: UInt32
  /// The numbers of the policy, its overrides included, under which a key stays in use longest: the slowest rate of a
  /// token bucket, the longest period of the others. A cell that is idle under these is idle under all of them.
  public var slowest: Limit
  /// On the monotonic clock: from here on, the policy's cells go, whatever they hold. `Int64.max` while it is in force.
  public var retiresAt: Int64

  public init(slot: UInt32, slowest: Limit, retiresAt: Int64 = .max) {
    self.slot = slot
    self.slowest = slowest
    self.retiresAt = retiresAt
  }

  /// The rules for `policy`.
  ///
  /// - Parameter share: By how much a limit may be divided before it is asked: the number of weirs that share a Redis,
  ///   for a policy that falls back to memory. At least 1.
  public init(slot: UInt32, policy: Policy, share: Int64 = 1) {
    // Which is the slowest may change when they are divided: shares are rounded down.
    var slowest = policy.limit.share(of: share)
    for override in policy.overrides {
      guard case .limit(let limit) = override.effect else { continue }
      let divided = limit.share(of: share)
      if Self.isSlower(divided, than: slowest) { slowest = divided }
    }
    self.init(slot: slot, slowest: slowest)
  }

  private static func isSlower(_ one: Limit, than other: Limit) -> Bool {
    guard one.algorithm == .tokenBucket else { return one.period > other.period }
    return UInt128(one.limit.magnitude) * UInt128(other.period.magnitude)
      < UInt128(other.limit.magnitude) * UInt128(one.period.magnitude)
  }
}
