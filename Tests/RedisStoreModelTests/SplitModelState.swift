// SplitModelState.swift: one state of the model of two checks over two slots: what each weir knows, what is under way,
// and what each node keeps.
//
// Time is whole ticks, `SplitScenario.deadline` of them a decision deadline. Nodes and weirs tick together; a node whose
// clock leaps is a fault of its own.

@testable import RedisStore

/// What a node keeps of one check in one slot.
struct SplitAccount: Equatable {
  enum Hold: UInt8 {
    case none
    /// Counts as spent.
    case held
    /// Was confirmed: it can still be taken back.
    case mark
    /// Its time is over, and nothing has removed it.
    case ended
  }

  var isCharged = false
  var hold = Hold.none
  /// Ticks until the hold or the mark ends.
  var left: UInt8 = 0

  var bits: UInt64 { (isCharged ? 1 : 0) | UInt64(hold.rawValue) << 1 | UInt64(left) << 3 }  // 6 bits
}

/// One check in one slot: what is under way, and what the slot's node keeps of it.
struct SplitLeg: Equatable {
  enum Request: UInt8 {
    case none, hold, confirm
    /// Of a check with one slot only.
    case charge
  }
  enum Reply: UInt8 { case none, held, denied, done, gone, allowed }
  enum Cancel: UInt8 {
    case none, underWay, lost
    /// Came after the mark's end: there was a charge and nothing that told whose it is.
    case tooLate
    /// Has nothing to take back, or took it back.
    case done
  }

  var request = Request.none
  var reply = Reply.none
  /// The weir waits for an answer.
  var isAwaited = false
  var cancel = Cancel.none
  /// The hold reached the node after the check had been answered.
  var isLate = false
  /// A node that died took a charge with it.
  var isLost = false
  var node = SplitAccount()
  /// What the replica has, from the moment when it stops following.
  var copy = SplitAccount()

  var bits: UInt64 {  // 23 bits
    var bits = UInt64(request.rawValue) | UInt64(reply.rawValue) << 2 | UInt64(cancel.rawValue) << 5
    bits |= (isAwaited ? 1 : 0) << 8 | (isLate ? 1 : 0) << 9 | (isLost ? 1 : 0) << 10
    return bits | node.bits << 11 | copy.bits << 17
  }
}

/// One check as its weir sees it.
struct SplitDecision: Equatable {
  enum Answer: UInt8 { case none, allowed, denied, failed }
  enum Weir: UInt8 { case notAsked, running, dead }

  var weir = Weir.notAsked
  var answer = Answer.none
  /// Whether confirmations were sent.
  var isConfirming = false
  /// Ticks until the deadline.
  var left: UInt8 = 0
  /// Ticks since the answer or the weir's death, counted up to a deadline.
  var since: UInt8 = 0
  /// The `SplitCheck`, by its number in the search.
  var machine: UInt8 = 0

  /// No answer will come any more.
  var isOver: Bool { answer != .none || weir == .dead }
  var bits: UInt64 {  // 15 bits
    var bits = UInt64(weir.rawValue) | UInt64(answer.rawValue) << 2 | (isConfirming ? 1 : 0) << 4
    bits |= UInt64(left) << 5 | UInt64(since) << 7
    return bits | UInt64(machine) << 9
  }
}

/// What a slot's replica is to its master.
enum SplitReplica: UInt8 {
  case follows
  /// What happens at the master from here on is lost.
  case stopped
  /// It has become the master, once and for all.
  case promoted
}

struct SplitState {
  var first = SplitDecision()
  var second = SplitDecision()
  /// First check's slots 0 and 1, then the second's.
  var legs: (SplitLeg, SplitLeg, SplitLeg, SplitLeg) = (SplitLeg(), SplitLeg(), SplitLeg(), SplitLeg())
  var replicas: (SplitReplica, SplitReplica) = (.follows, .follows)

  struct Key: Hashable, Comparable {
    var first: UInt64
    var second: UInt64

    static func < (one: Key, other: Key) -> Bool { (one.first, one.second) < (other.first, other.second) }
  }

  /// The same state with the checks exchanged.
  var mirrored: Key {
    let key = key
    let replica: UInt64 = 3 << 62
    return Key(
      first: key.second & ~replica | key.first & replica, second: key.first & ~replica | key.second & replica)
  }

  /// The whole state in 126 bits: equal only for equal states.
  var key: Key {
    Key(
      first: first.bits | legs.0.bits << 16 | legs.1.bits << 39 | UInt64(replicas.0.rawValue) << 62,
      second: second.bits | legs.2.bits << 16 | legs.3.bits << 39 | UInt64(replicas.1.rawValue) << 62)
  }

  subscript(check: Int) -> SplitDecision {
    get { check == 0 ? first : second }
    set { if check == 0 { first = newValue } else { second = newValue } }
  }

  subscript(check: Int, slot: Int) -> SplitLeg {
    get {
      switch (check, slot) {
      case (0, 0): legs.0
      case (0, _): legs.1
      case (_, 0): legs.2
      default: legs.3
      }
    }
    set {
      switch (check, slot) {
      case (0, 0): legs.0 = newValue
      case (0, _): legs.1 = newValue
      case (_, 0): legs.2 = newValue
      default: legs.3 = newValue
      }
    }
  }

  func replica(_ slot: Int) -> SplitReplica { slot == 0 ? replicas.0 : replicas.1 }
  mutating func setReplica(_ slot: Int, _ replica: SplitReplica) {
    if slot == 0 { replicas.0 = replica } else { replicas.1 = replica }
  }
}
