// CounterRegistry.swift: numbers for counter identities, so that a check names a counter by 32 bits and a reload that
// keeps an identity keeps its cells.
//
// A policy that is removed keeps its number for 10 s, so that an editor's delete-and-create loses nothing; one that
// comes back later gets another number and starts afresh. Numbers count up and are not used again (after 2^32 of them,
// by when the cells of the first have long been swept, they start over), so a cell can never belong to a newer policy.

public import Policies

/// The numbers in use. Owned by whoever loads policies.
public struct CounterRegistry: Sendable {
  private var holders: [CounterIdentity: SlotRules] = [:]
  private var used: Set<UInt32> = []
  private var next: UInt32 = 0

  /// Nanoseconds that a removed policy's counters live on.
  public static let lingering: Int64 = 10_000_000_000

  public init() {}

  /// Numbers `policies`, in their order, and retires those that are missing.
  ///
  /// Policies of one identity get one number. Whoever installs the result installs `rules` in the store first.
  ///
  /// - Parameters:
  ///   - share: See `SlotRules`.
  ///   - now: On the monotonic clock.
  public mutating func assign(_ policies: [Policy], share: Int64 = 1, now: Int64) -> [UInt32] {
    forgetRetired(now: now)
    var present: Set<CounterIdentity> = []
    var slots: [UInt32] = []
    for policy in policies {
      let identity = CounterIdentity(policy)
      let slot = holders[identity]?.slot ?? takeNumber()
      holders[identity] = SlotRules(slot: slot, policy: policy, share: policy.store == .redis ? share : 1)
      present.insert(identity)
      slots.append(slot)
    }
    let (end, overflow) = now.addingReportingOverflow(Self.lingering)
    for identity in holders.keys where !present.contains(identity) && holders[identity]?.retiresAt == .max {
      holders[identity]?.retiresAt = overflow ? .max - 1 : end
    }
    return slots
  }

  /// What the store must know: every number in force or lingering.
  public var rules: [SlotRules] { Array(holders.values) }

  private mutating func forgetRetired(now: Int64) {
    for (identity, rules) in holders where rules.retiresAt <= now {
      holders[identity] = nil
      used.remove(rules.slot)
    }
  }

  private mutating func takeNumber() -> UInt32 {
    while used.contains(next) || next == CellTable.free { next &+= 1 }
    used.insert(next)
    defer { next &+= 1 }
    return next
  }
}
