// KeyDesk.swift: one key at a time: its state (KeyDesk+Showing.swift), forgetting what it spent, and orders for it
// (KeyDesk+Changing.swift). Here is what these share: which key a call is about, and how an answer names it.
//
// Keys of policies in memory are this process's own. Those in Redis are asked and changed there, through a worker.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import RedisStore
import Stores

/// Lives on the main loop.
final class KeyDesk {
  let state: ProcessState
  let loop: Loop
  let store: MemoryStore
  let reloader: Reloader
  let book: OrderBook
  let settling: OrderSettling
  let shared: (any SharedKeys)?
  /// With whom limits are shared while Redis is away; nil where there is none.
  let live: LiveWeirs?
  let display: KeyDisplay
  let ipv6Prefix: Int
  let logger: EventLogger

  /// - Parameter shared: The way to Redis; nil where there is none.
  init(
    state: ProcessState, loop: Loop, store: MemoryStore, reloader: Reloader, book: OrderBook, settling: OrderSettling,
    shared: (any SharedKeys)?, live: LiveWeirs?,
    display: KeyDisplay, ipv6Prefix: Int, logger: EventLogger
  ) {
    self.state = state
    self.loop = loop
    self.store = store
    self.reloader = reloader
    self.book = book
    self.settling = settling
    self.shared = shared
    self.live = live
    self.display = display
    self.ipv6Prefix = ipv6Prefix
    self.logger = logger
  }

  /// A key of a policy in force.
  struct Place {
    var policy: Policy
    /// In the set in force.
    var number: Int
    /// As it counts, rather than as it was given: an address by its prefix, a host in lower case, a list sorted.
    var key: NamedKey
    var bytes: [UInt8]
    var isShared: Bool { policy.store == .redis }
  }

  /// In force here.
  var orders: Orders { book.orders }

  /// The order for a key of a set's policy, as JSON; `null` where there is none.
  func orderText(policy: Int, key: [UInt8], _ rules: Rules) -> String {
    let policy = rules.set.policies[policy]
    let order = try? book.order(domain: policy.domain, policy: policy.name, key: key, now: now.unix)
    return order.flatMap { $0 }.map(describe) ?? "null"
  }

  var now: Now { state.clock.now(at: loop.now) }

  func describe(_ booked: BookedOrder) -> String {
    var members: [(String, String)]
    switch booked.order.kind {
    case .grant(let amount): members = [("kind", "\"grant\""), ("amount", "\(amount)")]
    case .block: members = [("kind", "\"block\"")]
    }
    members += [("until", "\(UnixSeconds.roundedUp(booked.order.until))"), ("by", JSONText.quoted(booked.by))]
    return JSONText.object(members)
  }

  func head(of place: Place) -> [(String, String)] {
    let key =
      display.isHashed
      ? ("hash", JSONText.quoted(display.hashText(place.bytes.span))) : ("key", KeyJSON.text(place.key))
    return [("domain", JSONText.quoted(place.policy.domain)), ("policy", JSONText.quoted(place.policy.name)), key]
  }

  // MARK: Reading calls

  func place(of call: KeyCall) throws(Refusal) -> Place {
    let set = reloader.inForce.set
    guard let number = set.policies.firstIndex(where: { $0.domain == call.domain && $0.name == call.policy }) else {
      let refusal = OrderRefusal.unknownPolicy(domain: call.domain, policy: call.policy)
      throw Refusal(refusal.status, refusal.detail)
    }
    let policy = set.policies[number]
    do throws(KeyMismatch) {
      let bytes = try call.key.bytes(for: policy, ipv6Prefix: ipv6Prefix)
      let key = KeyText(bytes.span, of: policy.key, ipv6Prefix: ipv6Prefix)
      return Place(
        policy: policy, number: number, key: key.map { NamedKey($0, of: policy.key) } ?? call.key, bytes: bytes)
    } catch {
      throw Refusal(400, error.detail(policy))
    }
  }
}
