// OrderReader.swift: reads what was ordered in Redis: asks each domain for its version, which is cheap, then for the
// changes of those whose version is another one, page by page.
//
// A domain is read whole at first, after a lost connection (another server may answer behind the same name), where the
// last answer is so old that ended orders may have been forgotten there, and now and then, so that whatever went wrong
// between (a key deleted by hand, a clock that was set) lasts no longer than a minute.
//
// A pure state machine: commands out, replies in. Each command is about one domain, whose keys share one slot of a
// cluster. The versions are asked for all together, changes one page at a time. Whoever drives it asks `begin`, and
// `next` after each reply, until there is nothing to ask.

/// What one process knows of the orders in its Redis.
struct OrderReader {
  /// Something to ask.
  struct Inquiry {
    var command: [UInt8]
    /// What the command calls; nil for a plain one.
    var script: Script?
    /// One that it reads; all of them are in one hash slot.
    var key: [UInt8]
    /// Of the domain.
    fileprivate var place: Int
    /// The version that made us ask for changes; nil where that is what is asked for.
    fileprivate var version: [UInt8]?
    fileprivate var round: UInt64
  }

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

  private var domains: [Domain] = []
  /// Replies to inquiries of other rounds are dropped.
  private var round: UInt64 = 0
  /// Versions that were asked for and did not come yet.
  private var versionsOut = 0
  /// Whether a page of the first of `waiting` is asked for.
  private var isPageOut = false
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

  /// Ends the round: replies that still come are dropped.
  private mutating func giveUp() {
    round += 1
    versionsOut = 0
    isPageOut = false
    waiting = []
  }

  /// Whether something is still to be heard or asked in this round.
  var isUnderWay: Bool { versionsOut > 0 || isPageOut || !waiting.isEmpty }

  // MARK: Asking

  /// The first questions of a round, one a domain; none while a round is under way.
  mutating func begin(now: Int64) -> [Inquiry] {
    guard versionsOut == 0, !isPageOut else { return [] }
    giveUp()
    versionsOut = domains.count
    return domains.indices.map { place in
      if domains[place].heardAt < now - Bounds.orderGap { domains[place].doubt() }
      // MGET of one key: where another program has put something else there, GET is an error, and this is nothing.
      return Inquiry(
        command: RedisCommand.bytes([Array("MGET".utf8), domains[place].keys.version]), script: nil,
        key: domains[place].keys.version, place: place,
        version: nil, round: round)
    }
  }

  /// The next question of the round, a call of changes.lua; nil while one is under way, and where there is none.
  mutating func next() -> Inquiry? {
    guard !isPageOut, let (place, version) = waiting.first else { return nil }
    isPageOut = true
    let domain = domains[place]
    let arguments =
      [domain.keys.version, domain.keys.orders, domain.keys.changes, domain.epoch]
      + [domain.number, Int64(Bounds.orderPage), Int64(Bounds.orderPageBytes)].map { Array(String($0).utf8) }
    return Inquiry(
      command: RedisCommand.bytes([Array("EVALSHA".utf8), Script.changes.digest, [UInt8(ascii: "3")]] + arguments),
      script: .changes, key: domain.keys.version, place: place, version: version, round: round)
  }

  // MARK: Hearing

  /// The reply makes no sense.
  struct Malformed: Error {}

  /// Takes the reply to an inquiry.
  ///
  /// - Returns: What it says, if it says anything new. Where nobody takes that, say so by `notTaken`.
  mutating func heard(_ reply: Reply, to inquiry: Inquiry, now: Int64) throws(Malformed) -> OrderPage? {
    guard inquiry.round == round else { return nil }
    if let version = inquiry.version { return try changes(reply, inquiry.place, version, now) }
    return try version(reply, inquiry.place, now)
  }

  /// No reply will come, or it was an error: what is known stands, and the next round goes on from there.
  mutating func failed(_ inquiry: Inquiry) {
    guard inquiry.round == round else { return }
    guard inquiry.version != nil else {
      versionsOut -= 1
      return
    }
    isPageOut = false
    waiting.removeFirst()
  }

  /// What the inquiry brought is lost: its domain is read whole in the next round.
  mutating func notTaken(_ inquiry: Inquiry) {
    guard inquiry.round == round else { return }
    domains[inquiry.place].doubt()
    waiting.removeAll { $0.place == inquiry.place }
  }

  private mutating func version(_ reply: Reply, _ place: Int, _ now: Int64) throws(Malformed) -> OrderPage? {
    guard reply.kind == .array(count: 1) else { throw Malformed() }
    versionsOut -= 1
    var text: [UInt8] = []
    reply.visitElements { if $0.kind == .string { text = $0.allBytes } }
    guard !text.isEmpty else {
      let isNews = !domains[place].seen.isEmpty || domains[place].isPartial
      let page = isNews ? domains[place].nothing() : nil
      domains[place].isPartial = false
      domains[place].heardAt = now
      return page
    }
    if now - max(domains[place].wholeAt, now - Bounds.orderWhole) >= Bounds.orderWhole { domains[place].doubt() }
    if text == domains[place].seen { domains[place].heardAt = now } else { waiting.append((place, text)) }
    return nil
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
    isPageOut = false
    var page = OrderPage(
      domain: domains[place].name, unixNow: head[0] * 1000, beginsAnew: head[2] == 1, isLast: head[3] == 0,
      number: head[1])
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
      if let digest = KeyDigest(digits: member.dropFirst()) { page.reset.insert(digest) }
      if let number = Int64(String(decoding: value, as: UTF8.self)),
        let reset = OrderKeys.reset(member: member, number: number)
      {
        page.resets.append(reset)
      }
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
