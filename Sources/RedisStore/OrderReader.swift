// OrderReader.swift: reads what was ordered in Redis: asks for the versions of all domains, which is cheap, then for the
// changes of those whose version is another one, page by page.
//
// A domain is read whole at first, after a lost connection (another server may answer behind the same name), where the
// last answer is so old that ended orders may have been forgotten there, and now and then, so that whatever went wrong
// between (a key deleted by hand, a clock that was set) lasts no longer than a minute.
//
// A pure state machine: commands out, replies in; one at a time. Whoever drives it asks `begin`, then `next` after each
// reply, until there is nothing to ask.

/// What one process knows of the orders in its Redis.
struct OrderReader {
  fileprivate struct Domain {
    var name: String
    var keys: OrderKeys
    /// The version's text as last read to its end; empty where there was none.
    var seen: [UInt8] = []
    var epoch: [UInt8] = []
    /// Changes up to this number are known.
    var number: Int64 = 0
    /// When it was last read whole, on the loop's clock.
    var wholeAt = Int64.min
    /// When a reply last told of it, on the same clock.
    var heardAt = Int64.min
    /// Until everything was read: what is known of it is not all of it.
    var isPartial = true
  }

  private enum Asked {
    case versions
    /// A place in `domains`, and the version that made us ask.
    case changes(Int, version: [UInt8])
  }

  private var domains: [Domain] = []
  private var asked: Asked?
  /// What is still to be read in this round.
  private var waiting: [(place: Int, version: [UInt8])] = []

  /// Reads the orders of these domains from now on. What is known of those that stay is kept.
  mutating func adopt(_ names: [String]) {
    guard names != domains.map(\.name) else { return }
    let known = Dictionary(domains.map { ($0.name, $0) }) { first, _ in first }
    domains = names.map { known[$0] ?? Domain(name: $0, keys: OrderKeys(domain: $0)) }
    giveUp()
  }

  /// Reads everything whole next time: it may be another Redis.
  mutating func doubt() {
    giveUp()
    for place in domains.indices { domains[place].doubt() }
  }

  /// Reads a domain whole next time.
  mutating func doubt(domain: String) {
    for place in domains.indices where domains[place].name == domain { domains[place].doubt() }
  }

  /// Forgets what was asked: its reply will not come, or is none.
  mutating func giveUp() {
    asked = nil
    waiting = []
  }

  // MARK: Asking

  /// The first command of a round; nil where there is nothing to read.
  mutating func begin(now: Int64) -> [UInt8]? {
    giveUp()
    guard !domains.isEmpty else { return nil }
    for place in domains.indices where domains[place].heardAt < now - Bounds.orderGap { domains[place].doubt() }
    asked = .versions
    return RedisCommand.bytes([Array("MGET".utf8)] + domains.map(\.keys.version))
  }

  /// The next command of the round: a call of changes.lua; nil at its end.
  mutating func next() -> [UInt8]? {
    guard asked == nil, let (place, version) = waiting.first else { return nil }
    let domain = domains[place]
    asked = .changes(place, version: version)
    let arguments =
      [domain.keys.version, domain.keys.orders, domain.keys.changes, domain.epoch]
      + [domain.number, Int64(Bounds.orderPage), Int64(Bounds.orderPageBytes)].map { Array(String($0).utf8) }
    return RedisCommand.bytes([Array("EVALSHA".utf8), Script.changes.digest, [UInt8(ascii: "3")]] + arguments)
  }

  // MARK: Hearing

  /// The reply to the command in hand makes no sense.
  struct Malformed: Error {}

  /// Takes the reply to the command in hand.
  ///
  /// - Returns: What it says, one page a domain, if it says anything new.
  mutating func heard(_ reply: Reply, now: Int64) throws(Malformed) -> [OrderPage] {
    switch asked.take() {
    case nil: return []
    case .versions: return try versions(reply, now)
    case .changes(let place, let version): return [try changes(reply, place, version, now)]
    }
  }

  private mutating func versions(_ reply: Reply, _ now: Int64) throws(Malformed) -> [OrderPage] {
    guard reply.kind == .array(count: domains.count) else { throw Malformed() }
    var texts: [[UInt8]] = []
    reply.visitElements { texts.append($0.kind == .string ? $0.allBytes : []) }
    var pages: [OrderPage] = []
    for (place, text) in texts.enumerated() {
      if text.isEmpty {
        if !domains[place].seen.isEmpty || domains[place].isPartial { pages.append(domains[place].nothing()) }
        domains[place].isPartial = false
        domains[place].heardAt = now
      } else {
        if now - max(domains[place].wholeAt, now - Bounds.orderWhole) >= Bounds.orderWhole { domains[place].doubt() }
        if text == domains[place].seen { domains[place].heardAt = now } else { waiting.append((place, text)) }
      }
    }
    return pages
  }

  private mutating func changes(
    _ reply: Reply, _ place: Int, _ version: [UInt8], _ now: Int64
  ) throws(Malformed) -> OrderPage {
    guard case .array(let count) = reply.kind, count >= 5, count % 2 == 1 else { throw Malformed() }
    var head: [Int64] = []
    var epoch: [UInt8] = []
    var texts: [[UInt8]] = []
    var index = 0
    reply.visitElements { element in
      switch element.kind {
      case .integer(let value) where index < 5: head.append(value)
      case .string where index == 1: epoch = element.allBytes
      case .string where index >= 5: texts.append(element.allBytes)
      default: break
      }
      index += 1
    }
    guard head.count == 4, texts.count == count - 5, head[0] >= 0, head[0] < 1 << 53 else { throw Malformed() }
    var page = OrderPage(
      domain: domains[place].name, unixNow: head[0] * 1000, beginsAnew: head[2] == 1, isLast: head[3] == 0)
    for index in stride(from: 0, to: texts.count, by: 2) { read(texts[index], texts[index + 1], into: &page) }
    if page.beginsAnew { domains[place].wholeAt = now }
    domains[place].epoch = epoch
    domains[place].number = head[1]
    domains[place].isPartial = !page.isLast
    domains[place].heardAt = now
    if page.isLast {
      // Perhaps an older one than these changes go up to; then they are asked about once more, and there are none.
      domains[place].seen = version
      waiting.removeFirst()
    }
    return page
  }

  private func read(_ member: [UInt8], _ value: [UInt8], into page: inout OrderPage) {
    switch member.first {
    case OrderKeys.orderMark:
      page.changes.append(
        OrderPage.Change(
          name: member, order: value.isEmpty ? nil : OrderRecord.read(value.span, domain: page.domain)))
    case OrderKeys.resetMark:
      if let digest = KeyDigest(digits: member.dropFirst()) { page.reset.digests.insert(digest) }
    default: return
    }
  }
}

extension OrderReader.Domain {
  fileprivate mutating func doubt() {
    (seen, epoch, number, isPartial) = ([], [], 0, true)
  }

  /// There is nothing.
  fileprivate mutating func nothing() -> OrderPage {
    doubt()
    return OrderPage(domain: name, unixNow: 0, beginsAnew: true, isLast: true)
  }
}

extension Reply {
  /// A copy of `withBytes`.
  var allBytes: [UInt8] { withBytes { bytes in unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) } } }
}
