// RedisRepliesFuzz.swift: bytes as they come from Redis, through the reader and everything that reads replies.
//
// The first byte says what the rest is: bytes on the wire, an order as Redis keeps it, or (ChargeReplyFuzz.swift) what
// a script answered to some checks. What must hold: a slow reading of RESP gives the same replies, however the bytes are
// cut; each reader of replies agrees with a slow one, and takes nothing of a wrong shape.

import Policies

@testable import RedisStore

enum RedisRepliesFuzz {
  static func check(_ input: [UInt8]) throws(Broken) {
    guard let kind = input.first else { return }
    let rest = Array(input.dropFirst())
    switch kind % 4 {
    case 0: try checkWire(rest)
    case 1: try checkOrder(rest)
    case 2: try ChargeReplyFuzz.checkAny(rest)
    default: try ChargeReplyFuzz.checkHonest(rest)
    }
  }

  // MARK: The wire

  private static func checkWire(_ bytes: [UInt8]) throws(Broken) {
    let whole = ReadReplies(bytes)
    try require(ReadReplies(bytes, cuts: bytes.indices) == whole, "byte by byte the replies are others")
    let half = (bytes.first.map(Int.init) ?? 0) * bytes.count / 256
    try require(ReadReplies(bytes, cuts: [half, bytes.count]) == whole, "cut at \(half) the replies are others")
    try compare(whole, bytes)
    for value in whole.values {
      try checkSentinel(value)
      try checkErrors(value)
      try checkHealth(value.bytes)
    }
    try checkGreeting(whole.values)
    try checkOrders(whole.values)
  }

  private static func compare(_ read: ReadReplies, _ bytes: [UInt8]) throws(Broken) {
    var rest = bytes
    for value in read.values {
      switch ReferenceRESP.read(rest) {
      case .value(let expected, let count):
        try require(value == expected, "the slow reading reads \(expected), not \(value)")
        rest.removeFirst(count)
      case .deep: return
      case .incomplete, .malformed: throw Broken("a reply that the slow reading does not find")
      }
    }
    switch ReferenceRESP.read(rest) {
    case .value: throw Broken("a proper reply was not read")
    case .incomplete: try require(read.end == .incomplete, "the beginning of a reply was refused")
    case .malformed: try require(read.end == .malformed, "what is no reply was taken for the beginning of one")
    case .deep: break
    }
  }

  // MARK: Sentinels

  private static func checkSentinel(_ value: ReferenceRESP) throws(Broken) {
    var epoch: Int64?
    var address: NodeAddress?
    var isMessage = false
    var announces = false
    try ReadReplies.with(value) { reply in
      epoch = SentinelReply.epoch(reply)
      address = SentinelReply.address(reply)
      isMessage = SentinelReply.isMessage(reply)
      announces = SentinelReply.announces(reply, Array("mymaster".utf8))
    }
    let elements = value.elements ?? []
    var expected: Int64?
    for place in stride(from: 0, to: elements.count - 1, by: 2) where elements[place] == .text("config-epoch") {
      expected = digits(elements[place + 1].bytes)
    }
    try require(epoch == expected, "an epoch of \(String(describing: epoch))")
    try require(address == slowAddress(elements), "a master at \(String(describing: address))")
    try require(isMessage == (elements.count == 3 && elements[0] == .text("message")), "a message or none")
    try require(
      announces == (isMessage && elements[2].bytes.starts(with: "mymaster ".utf8)), "a failover of ours or none")
  }

  private static func slowAddress(_ elements: [ReferenceRESP]) -> NodeAddress? {
    guard elements.count == 2, case .string(let host) = elements[0], case .string(let digits) = elements[1],
      !host.isEmpty, host.count <= 255, host.allSatisfy({ $0 > 0x20 && $0 < 0x7f }),
      let port = Self.digits(digits).flatMap({ UInt16(exactly: $0) }), port > 0
    else { return nil }
    return NodeAddress(host: String(decoding: host, as: UTF8.self), port: port)
  }

  /// Digits alone, as many as a sentinel's number may have.
  private static func digits(_ text: [UInt8]) -> Int64? {
    guard text.count <= 18, text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    return Int64(String(decoding: text, as: UTF8.self))
  }

  // MARK: Errors

  private static let asked = NodeAddress(host: "asked.internal", port: 7000)

  private static func checkErrors(_ value: ReferenceRESP) throws(Broken) {
    guard case .error(let bytes) = value else { return }
    let error = ErrorReply(bytes.span)
    try require(
      error.text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }, "a control in a log line")
    try require(
      error.text.utf8.count <= 3 * Bounds.quotedReply && !error.advice.isEmpty, "too long a text, or no advice")
    try require(error.word.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }, "a word of others")
    let redirection = Redirection(bytes.span, from: asked)
    try require(redirection == slowRedirection(bytes), "a redirection: \(String(describing: redirection))")
    if redirection != nil { try require(error.failure == .cluster, "a redirection that is another failure") }
  }

  private static func slowRedirection(_ bytes: [UInt8]) -> Redirection? {
    guard bytes.count <= 300, String(validating: bytes, as: UTF8.self) != nil else { return nil }
    let words = bytes.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
    guard words.count == 3, let slot = signed(words[1]), (0..<16_384).contains(slot),
      let colon = words[2].lastIndex(of: UInt8(ascii: ":")), let port = signed(Array(words[2][(colon + 1)...]))
    else { return nil }
    let kinds: [[UInt8]: Redirection.Kind] = [Array("MOVED".utf8): .moved, Array("ASK".utf8): .ask]
    let host = String(decoding: words[2][..<colon], as: UTF8.self)
    let node = ReferenceCluster(asked: asked, hasTLS: false).address(host, port)
    return kinds[words[0]].map { Redirection($0, slot: UInt16(slot), node: node) }
  }

  /// Digits behind a sign, or without: no node writes one, and nothing depends on it.
  private static func signed(_ text: [UInt8]) -> Int64? { Int64(String(decoding: text, as: UTF8.self)) }

  // MARK: CLUSTER INFO

  private static func checkHealth(_ bytes: [UInt8]) throws(Broken) {
    let health = ClusterHealth(bytes.span)
    guard String(validating: bytes, as: UTF8.self) != nil else { return }
    let hasState = String(decoding: bytes, as: UTF8.self).contains("cluster_state:")
    try require(health == nil || hasState, "a state that was not told")
    try require(
      health.map { $0.slotsInTrouble <= 32_768 * 4 } ?? true || bytes.count > 100, "more slots than there are")
    // Told as Redis tells it, what was read is read again.
    guard let health else { return }
    let troubled = health.slotsInTrouble / 2
    let told =
      "cluster_state:\(health.isOK ? "ok" : "fail")\r\ncluster_slots_pfail:\(troubled)\r\n"
      + "cluster_slots_fail:\(health.slotsInTrouble - troubled)\r\ncluster_current_epoch:\(health.epoch)\r\n"
    guard health.slotsInTrouble <= 16_384 else { return }
    try require(ClusterHealth(Array(told.utf8).span) == health, "a health that is read as another")
  }

  // MARK: The greeting

  /// Ready only if every command was answered, none by an error but the one that gives our name.
  private static func checkGreeting(_ values: [ReferenceRESP]) throws(Broken) {
    var target = RedisTarget(place: .unix(path: "/s"))
    target.database = 1
    var greeting = Handshake(
      target: target, checksRole: true, password: Array("secret".utf8), scripts: [[1]], trial: [2])
    // AUTH, SELECT, CLIENT SETNAME, ROLE, SCRIPT LOAD, the trial.
    for (place, value) in values.prefix(7).enumerated() {
      var action = Handshake.Action.wait
      let reader = ReplyReader()
      let wire = value.wire
      reader.feed(wire.span)
      try require(reader.next() == .reply, "a proper reply was refused")
      reader.withReply { action = greeting.received($0) }
      var isError = false
      if case .error(let text) = value { isError = place != 2 || ErrorReply(text.span).word == "NOAUTH" }
      if place == 3, !isError, value.elements?.first?.bytes != Array("master".utf8) { isError = true }
      switch action {
      case .wait: try require(place < 5 && !isError, "the greeting goes on")
      case .ready: try require(place == 5 && !isError, "ready too early")
      case .failed(let failure):
        try require(place > 5 || isError, "a failure without an error")
        try require(!failure.detail.contains("secret"), "the password in a log line")
        return
      }
      if place == 0, case .error = value { throw Broken("a refused login was passed over") }
    }
  }

  // MARK: Orders

  /// The replies as answers to what an order reader asks: it asks on only for what it was told of.
  private static func checkOrders(_ values: [ReferenceRESP]) throws(Broken) {
    var reader = OrderReader()
    reader.adopt(["api"])
    guard var inquiry = reader.begin(now: 1).first else { throw Broken("nothing is asked") }
    for (place, value) in values.prefix(4).enumerated() {
      var page: OrderPage?
      var isMalformed = false
      try ReadReplies.with(value) { reply in
        do throws(OrderReader.Malformed) { page = try reader.heard(reply, to: inquiry, now: 2) } catch {
          isMalformed = true
        }
      }
      if isMalformed { return }
      if let page {
        try require(page.domain == "api" && page.unixNow >= 0, "a page of another domain or time")
        try require(place > 0 || page.changes.isEmpty, "changes that were not asked for")
        for case let order? in page.changes.map(\.order) {
          try require(order.identity.domain == "api" && order.identity.store == .redis, "an order of another domain")
        }
      }
      guard let next = reader.next() else { return }
      inquiry = next
    }
  }

  /// A record that is read is written and read as the same order, and refused where a byte is missing or too many.
  private static func checkOrder(_ bytes: [UInt8]) throws(Broken) {
    guard let order = OrderRecord.read(bytes.span, domain: "api") else { return }
    try require(PolicyName.isValid(order.identity.name.utf8), "an order for a policy of no valid name")
    if case .grant(let amount) = order.order.kind {
      try require(OrderBounds.amount.contains(amount), "a grant of \(amount)")
    }
    guard order.by.utf8.count <= Bounds.orderBy else { return }
    let written = Array(bytes.prefix(7)) + OrderRecord.bytes(order)
    try require(OrderRecord.read(written.span, domain: "api") == order, "an order that is read as another")
    try require(OrderRecord.read((written + [0]).span, domain: "api") == nil, "a byte too many passed")
    for count in written.indices {
      try require(OrderRecord.read(written.span.extracting(..<count), domain: "api") == nil, "half an order passed")
    }
  }
}
