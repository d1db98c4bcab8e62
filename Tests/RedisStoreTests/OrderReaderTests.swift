// OrderReaderTests.swift: what is asked and when, and what the replies come to. Replies are bytes as Redis writes them.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite struct OrderReaderTests {
  static let order = OrderRecordTests.order()
  static let second: Int64 = 1_000_000_000

  /// A reader that knows nothing yet, and what it has asked.
  struct Rig {
    var reader = OrderReader()
    var inquiry: OrderReader.Inquiry?

    init(_ domains: [String] = ["api", "web"]) { reader.adopt(domains) }

    /// Begins a round, in which the domains have these versions, nil for none.
    mutating func begin(_ versions: [String?], now: Int64 = 0) throws -> [OrderPage] {
      let inquiries = reader.begin(now: now)
      try #require(inquiries.count == versions.count)
      var pages: [OrderPage] = []
      for (inquiry, version) in zip(inquiries, versions) {
        let value = Value.array([version.map { .text($0) } ?? .nil])
        if let page = try OrderReaderTests.hear(&reader, value, to: inquiry, now: now) { pages.append(page) }
      }
      return pages
    }

    /// The words of the next question; none where there is none.
    mutating func next() -> [String] {
      guard let next = reader.next() else { return [] }
      inquiry = next
      return OrderReaderTests.words(next.command)
    }

    /// Hears the answer to that.
    mutating func hear(_ value: Value, now: Int64 = 0) throws -> OrderPage? {
      try OrderReaderTests.hear(&reader, value, to: try #require(inquiry), now: now)
    }

    /// Reads both domains to their end: `api` with an order, `web` without.
    mutating func readAll(version: String = "7:9", now: Int64 = 0) throws -> [OrderPage] {
      var pages = try begin([version, nil], now: now)
      if !next().isEmpty, let page = try hear(OrderReaderTests.page([("o1", OrderReaderTests.record)]), now: now) {
        pages.append(page)
      }
      return pages
    }
  }

  /// Hands a reply to the reader.
  static func hear(
    _ reader: inout OrderReader, _ value: Value, to inquiry: OrderReader.Inquiry, now: Int64 = 0
  ) throws -> OrderPage? {
    let replies = ReplyReader()
    replies.feed(value.wire.span)
    #expect(replies.next() == .reply)
    var result: Result<OrderPage?, OrderReader.Malformed> = .success(nil)
    replies.withReply { reply in
      do throws(OrderReader.Malformed) { result = .success(try reader.heard(reply, to: inquiry, now: now)) } catch {
        result = .failure(error)
      }
    }
    return try result.get()
  }

  /// A page as changes.lua writes it.
  static func page(
    epoch: String = "7", number: Int64 = 9, isAnew: Bool = true, hasMore: Bool = false,
    _ changes: [(String, [UInt8])] = []
  ) -> Value {
    .array(
      [
        .integer(1_700_000_000_000_000), .text(epoch), .integer(number), .integer(isAnew ? 1 : 0),
        .integer(hasMore ? 1 : 0),
      ]
        + changes.flatMap { [.text($0), .string($1)] })
  }

  static let record = OrderRecordTests.value(OrderRecord.bytes(order))
  static let digest = KeyDigest(Array("abc".utf8).span)
  static let digits = "ungWv48Bz-pBQUDeXa4iIw"

  /// The words of a command.
  static func words(_ command: [UInt8]) -> [String] {
    let replies = ReplyReader()
    replies.feed(command.span)
    var value = Value.nil
    if replies.next() == .reply { replies.withReply { value = Value($0) } }
    return value.words
  }

  static func version(of domain: String) -> String {
    String(decoding: OrderKeys(domain: domain).version, as: UTF8.self)
  }

  // MARK: The course of a round

  @Test("each domain is asked for its version by itself; one without orders is told once, as empty")
  func nothing() throws {
    var rig = Rig()
    let inquiries = rig.reader.begin(now: 0)
    #expect(inquiries.map { Self.words($0.command) } == ["api", "web"].map { ["MGET", Self.version(of: $0)] })
    #expect(rig.next() == [] && rig.reader.begin(now: 0).isEmpty, "one round at a time")
    let pages = try inquiries.compactMap { try Self.hear(&rig.reader, .array([.nil]), to: $0) }
    #expect(
      pages.map(\.domain) == ["api", "web"] && pages.allSatisfy { $0.beginsAnew && $0.isLast && $0.changes.isEmpty })
    #expect(rig.next() == [])
    #expect(try rig.begin([nil, nil], now: 1).isEmpty)
  }

  @Test("a new version is read from the beginning, then only what follows what is known")
  func changes() throws {
    var rig = Rig()
    let pages = try rig.readAll()
    #expect(pages.last?.domain == "api" && pages.last?.changes.map(\.order) == [Self.order])
    #expect(pages.last?.unixNow == 1_700_000_000_000_000_000)
    #expect(try rig.begin(["7:9", nil], now: 1).isEmpty)
    #expect(rig.next() == [], "an unchanged version costs nothing more")
    _ = try rig.begin(["7:12", nil], now: 2)
    #expect(Array(rig.next()[6...7]) == ["7", "9"])
    let page = try rig.hear(Self.page(number: 12, isAnew: false, [("o1", [])]), now: 2)
    #expect(page?.beginsAnew == false && page?.changes == [OrderPage.Change(name: Array("o1".utf8), order: nil)])
    #expect(rig.next() == [])
  }

  @Test("pages follow each other until the last, and the other domains come after")
  func pages() throws {
    var rig = Rig()
    _ = try rig.begin(["7:9", "8:5"])
    #expect(rig.next()[7] == "0")
    #expect(rig.next() == [] && rig.reader.begin(now: 0).isEmpty, "one page at a time")
    #expect(try rig.hear(Self.page(number: 3, hasMore: true))?.isLast == false)
    #expect(rig.next()[7] == "3")
    #expect(try rig.hear(Self.page(number: 9, isAnew: false))?.isLast == true)
    #expect(rig.next()[3] == Self.version(of: "web"))
    #expect(try rig.hear(Self.page(epoch: "8", number: 5))?.domain == "web")
    #expect(rig.next() == [])
  }

  @Test("every question is about the keys of one domain, which share a hash tag")
  func oneSlot() throws {
    var rig = Rig()
    for inquiry in rig.reader.begin(now: 0) { #expect(Self.words(inquiry.command).count == 2) }
    rig = Rig()
    _ = try rig.begin(["7:9", "8:5"])
    let keys = rig.next()[3...5]
    #expect(keys.allSatisfy { $0.hasPrefix(Self.version(of: "api")) })
    let names = OrderKeys(domain: "api")
    for name in [names.version, names.orders, names.changes, names.ends] {
      #expect(name.count { $0 == UInt8(ascii: "{") } == 1 && name.starts(with: names.version))
    }
  }

  @Test("a page that did not come is asked for again, where it stood; the other domains are read meanwhile")
  func fails() throws {
    var rig = Rig()
    _ = try rig.begin(["7:9", "8:5"])
    _ = rig.next()
    _ = try rig.hear(Self.page(number: 3, hasMore: true))
    _ = rig.next()
    rig.reader.failed(try #require(rig.inquiry))
    #expect(rig.next()[3] == Self.version(of: "web"))
    _ = try rig.hear(Self.page(epoch: "8", number: 5))
    _ = try rig.begin(["7:9", "8:5"], now: 1)
    #expect(Array(rig.next()[6...7]) == ["7", "3"])
  }

  @Test("a version that did not come says nothing, and keeps no other domain from being read")
  func versionFails() throws {
    var rig = Rig()
    _ = try rig.readAll()
    let inquiries = rig.reader.begin(now: 1)
    rig.reader.failed(inquiries[0])
    #expect(try Self.hear(&rig.reader, .array([.text("8:5")]), to: inquiries[1], now: 1) == nil)
    #expect(rig.next()[3] == Self.version(of: "web"))
    _ = try rig.hear(Self.page(epoch: "8", number: 5), now: 1)
    #expect(try rig.begin(["7:9", "8:5"], now: 2).isEmpty)
    #expect(rig.next() == [], "what was known of it stands")
  }

  @Test("orders that are gone are told once, and once more where nobody took that")
  func gone() throws {
    var rig = Rig()
    _ = try rig.readAll()
    for now in 1...2 as ClosedRange<Int64> {
      let inquiries = rig.reader.begin(now: now)
      let page = try Self.hear(&rig.reader, .array([.nil]), to: inquiries[0], now: now)
      #expect(page?.domain == "api" && page?.beginsAnew == true && page?.isLast == true)
      if now == 1 { rig.reader.notTaken(inquiries[0]) }
      #expect(try Self.hear(&rig.reader, .array([.nil]), to: inquiries[1], now: now) == nil)
    }
    #expect(try rig.begin([nil, nil], now: 3).isEmpty)
  }

  @Test("what nobody takes of several domains is told again, of each of them")
  func noneTaken() throws {
    var rig = Rig()
    _ = try rig.begin(["7:9", "8:5"])
    for domain in ["api", "web"] {
      #expect(rig.next()[3] == Self.version(of: domain))
      _ = try rig.hear(Self.page(number: 9))
    }
    for now in 1...2 as ClosedRange<Int64> {
      let inquiries = rig.reader.begin(now: now)
      for inquiry in inquiries {
        #expect(try Self.hear(&rig.reader, .array([.nil]), to: inquiry, now: now) != nil)
        if now == 1 { rig.reader.notTaken(inquiry) }
      }
    }
  }

  // MARK: When all is read anew

  @Test("a new connection, a long silence and a minute make it read everything, an order that is untaken its domain")
  func whole() throws {
    for cause in ["doubt", "untaken", "silence", "minute", "none"] {
      var rig = Rig()
      _ = try rig.readAll(now: 0)
      var now = Self.second
      switch cause {
      case "doubt": rig.reader.doubt()
      case "untaken":
        _ = try rig.begin(["7:12", nil], now: now)
        #expect(rig.next()[7] == "9")
        _ = try rig.hear(Self.page(number: 10, isAnew: false, hasMore: true), now: now)
        rig.reader.notTaken(try #require(rig.inquiry))
        #expect(rig.next() == [], "not before the next round")
      case "silence": now = Bounds.orderGap + 1
      case "minute":
        while now < Bounds.orderWhole {
          _ = try rig.begin(["7:9", nil], now: now)
          #expect(rig.next() == [])
          now += 10 * Self.second
        }
      default: break
      }
      _ = try rig.begin(["7:9", nil], now: now)
      let words = rig.next()
      if cause == "none" { #expect(words.isEmpty) } else { #expect(Array(words[6...7]) == ["", "0"], "\(cause)") }
    }
  }

  @Test("a reload keeps what is known of the domains that stay, and drops replies to older questions")
  func adopts() throws {
    var rig = Rig()
    _ = try rig.readAll()
    let old = rig.reader.begin(now: 1)
    rig.reader.adopt(["api", "new"])
    for inquiry in old { #expect(try Self.hear(&rig.reader, .array([.text("9:9")]), to: inquiry) == nil) }
    #expect(rig.next() == [])
    rig.reader.failed(old[0])
    rig.reader.notTaken(old[0])
    _ = try rig.begin(["7:9", "1:1"], now: 2)
    #expect(rig.next()[3] == Self.version(of: "new"))
    _ = try rig.hear(Self.page(epoch: "1", number: 1), now: 2)
    #expect(rig.reader.begin(now: 3).count == 2)
    rig.reader.adopt([])
    #expect(rig.reader.begin(now: 4).isEmpty)
  }

  // MARK: What a page says

  @Test("resets are told by the digest of their key; what is no order and no reset is nothing")
  func members() throws {
    var rig = Rig(["api"])
    _ = try rig.begin(["7:9"])
    _ = rig.next()
    let page = try rig.hear(
      Self.page([
        ("r" + Self.digits + ":p:t12345678", Array("7".utf8)), ("rshort", []), ("", []), ("x", Self.record),
        ("o2", [1, 2]),
      ]))
    #expect(page?.reset == ResetKeys(digests: [Self.digest]) && page?.resets == [] && page?.number == 9)
    #expect(page?.changes == [OrderPage.Change(name: Array("o2".utf8), order: nil)])
  }

  @Test("a reset tells its key, policy and number; a later weir's form, or a number that is none, only the digest")
  func resets() throws {
    let identity = Self.order.identity
    for key in [[], Array("a:b:c".utf8), [0, 1], Array(repeating: 97, count: Bounds.resetKey)] as [[UInt8]] {
      var rig = Rig(["api"])
      _ = try rig.begin(["7:9"])
      _ = rig.next()
      let member = OrderKeys.reset(identity, key: key)
      let name = String(decoding: member, as: UTF8.self)
      let page = try rig.hear(
        Self.page([(name, Array("41".utf8)), (name + "x", []), (String(name.prefix(30)), Array("1".utf8))]))
      #expect(page?.resets == [OrderPage.Reset(identity, key: key, number: 41)])
      #expect(page?.resets.first?.isOf(identity) == true)
      var other = identity
      other.algorithm = .fixedWindow
      #expect(page?.resets.first?.isOf(other) == false)
      other = identity
      other.store = .memory
      #expect(page?.resets.first?.isOf(other) == false)
      #expect(page?.reset == ResetKeys(digests: [KeyNames.digest(identity, key: key.span)]))
    }
    let long = OrderKeys.reset(identity, key: Array(repeating: 97, count: Bounds.resetKey + 1))
    #expect(OrderKeys.reset(member: long, number: 1) == nil && KeyDigest(digits: long.dropFirst()) != nil)
  }

  @Test("replies that make no sense are refused, and the next round begins as ever")
  func malformed() throws {
    for reply in [Value.nil, .integer(1), .array([]), .array([.nil, .nil]), .text("7:9")] {
      var rig = Rig()
      let inquiries = rig.reader.begin(now: 0)
      for inquiry in inquiries {
        #expect(throws: OrderReader.Malformed.self) { try Self.hear(&rig.reader, reply, to: inquiry) }
        rig.reader.failed(inquiry)
      }
      #expect(try rig.readAll().last?.changes.count == 1)
    }
    let head: [Value] = [.integer(1), .text("7"), .integer(9), .integer(1), .integer(0)]
    var wrong: [[Value]] = [[], Array(head.prefix(4)), head + [.text("o1")], head + [.text("o1"), .nil]]
    for index in [0, 2, 3, 4] { wrong.append(head.enumerated().map { $0.offset == index ? .text("1") : $0.element }) }
    wrong.append([.integer(-1)] + head.dropFirst())
    wrong.append([.integer(.max)] + head.dropFirst())
    for values in wrong {
      var rig = Rig(["api"])
      _ = try rig.begin(["7:9"])
      _ = rig.next()
      #expect(throws: OrderReader.Malformed.self, "\(values)") { try rig.hear(.array(values)) }
      rig.reader.failed(try #require(rig.inquiry))
      #expect(rig.reader.begin(now: 1).count == 1)
    }
  }
}
