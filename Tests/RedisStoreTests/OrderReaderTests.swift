// OrderReaderTests.swift: what is asked and when, and what the replies come to. Replies are bytes as Redis writes them.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite struct OrderReaderTests {
  static let order = OrderRecordTests.order()
  static let second: Int64 = 1_000_000_000

  /// A reader of two domains that knows nothing yet.
  static func reader(_ domains: [String] = ["api", "web"]) -> OrderReader {
    var reader = OrderReader()
    reader.adopt(domains)
    return reader
  }

  /// Hands a reply to the reader.
  static func hear(_ reader: inout OrderReader, _ value: Value, now: Int64 = 0) throws -> [OrderPage] {
    let replies = ReplyReader()
    replies.feed(value.wire.span)
    #expect(replies.next() == .reply)
    var result: Result<[OrderPage], OrderReader.Malformed> = .success([])
    replies.withReply { reply in
      do throws(OrderReader.Malformed) { result = .success(try reader.heard(reply, now: now)) } catch {
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
  static func words(_ command: [UInt8]?) -> [String] {
    guard let command else { return [] }
    let replies = ReplyReader()
    replies.feed(command.span)
    var value = Value.nil
    if replies.next() == .reply { replies.withReply { value = Value($0) } }
    return value.words
  }

  /// Reads both domains to their end: `api` with an order, `web` without.
  static func readAll(_ reader: inout OrderReader, version: String = "7:9", now: Int64 = 0) throws -> [OrderPage] {
    _ = reader.begin(now: now)
    var pages = try hear(&reader, .array([.text(version), .nil]), now: now)
    if reader.next() != nil { pages += try hear(&reader, page([("o1", record)]), now: now) }
    return pages
  }

  // MARK: The course of a round

  @Test("one command asks for the versions of all domains; a domain without orders is told once, as empty")
  func nothing() throws {
    var reader = Self.reader()
    #expect(
      Self.words(reader.begin(now: 0))
        == ["MGET"] + ["api", "web"].map { String(decoding: OrderKeys(domain: $0).version, as: UTF8.self) })
    #expect(reader.next() == nil, "one question at a time")
    let pages = try Self.hear(&reader, .array([.nil, .nil]))
    #expect(
      pages.map(\.domain) == ["api", "web"] && pages.allSatisfy { $0.beginsAnew && $0.isLast && $0.changes.isEmpty })
    #expect(reader.next() == nil)
    _ = reader.begin(now: 1)
    #expect(try Self.hear(&reader, .array([.nil, .nil])).isEmpty)
  }

  @Test("a new version is read from the beginning, then only what follows what is known")
  func changes() throws {
    var reader = Self.reader()
    let pages = try Self.readAll(&reader)
    #expect(pages.last?.domain == "api" && pages.last?.changes.map(\.order) == [Self.order])
    #expect(pages.last?.unixNow == 1_700_000_000_000_000_000)
    _ = reader.begin(now: 1)
    #expect(try Self.hear(&reader, .array([.text("7:9"), .nil]), now: 1).isEmpty)
    #expect(reader.next() == nil, "an unchanged version costs nothing more")
    _ = reader.begin(now: 2)
    _ = try Self.hear(&reader, .array([.text("7:12"), .nil]), now: 2)
    let words = Self.words(reader.next())
    #expect(Array(words[6...7]) == ["7", "9"])
    let page = try Self.hear(&reader, Self.page(number: 12, isAnew: false, [("o1", [])]), now: 2)
    #expect(
      page.first?.beginsAnew == false && page.first?.changes == [OrderPage.Change(name: Array("o1".utf8), order: nil)])
    #expect(reader.next() == nil)
  }

  @Test("pages follow each other until the last, and the other domains come after")
  func pages() throws {
    var reader = Self.reader()
    _ = reader.begin(now: 0)
    _ = try Self.hear(&reader, .array([.text("7:9"), .text("8:5")]))
    #expect(Self.words(reader.next())[7] == "0")
    #expect(try Self.hear(&reader, Self.page(number: 3, hasMore: true))[0].isLast == false)
    #expect(Self.words(reader.next())[7] == "3")
    #expect(try Self.hear(&reader, Self.page(number: 9, isAnew: false))[0].isLast)
    #expect(Self.words(reader.next())[3] == String(decoding: OrderKeys(domain: "web").version, as: UTF8.self))
    #expect(try Self.hear(&reader, Self.page(epoch: "8", number: 5))[0].domain == "web")
    #expect(reader.next() == nil)
  }

  @Test("a round that was given up goes on where it stood")
  func givesUp() throws {
    var reader = Self.reader(["api"])
    _ = reader.begin(now: 0)
    _ = try Self.hear(&reader, .array([.text("7:9")]))
    _ = reader.next()
    _ = try Self.hear(&reader, Self.page(number: 3, hasMore: true))
    _ = reader.next()
    reader.giveUp()
    #expect(reader.next() == nil)
    _ = reader.begin(now: 1)
    _ = try Self.hear(&reader, .array([.text("7:9")]))
    #expect(Array(Self.words(reader.next())[6...7]) == ["7", "3"])
  }

  @Test("orders that are gone are told once")
  func gone() throws {
    var reader = Self.reader()
    _ = try Self.readAll(&reader)
    _ = reader.begin(now: 1)
    let pages = try Self.hear(&reader, .array([.nil, .nil]))
    #expect(pages.count == 1 && pages[0].domain == "api" && pages[0].beginsAnew && pages[0].isLast)
    _ = reader.begin(now: 2)
    #expect(try Self.hear(&reader, .array([.nil, .nil])).isEmpty)
  }

  // MARK: When all is read anew

  @Test("a new connection, a long silence and a minute make it read everything, an order that is untaken its domain")
  func whole() throws {
    for cause in ["doubt", "domain", "silence", "minute", "none"] {
      var reader = Self.reader()
      _ = try Self.readAll(&reader, now: 0)
      var now = Self.second
      switch cause {
      case "doubt": reader.doubt()
      case "domain": reader.doubt(domain: "api")
      case "silence": now = Bounds.orderGap + 1
      case "minute":
        while now < Bounds.orderWhole {
          _ = reader.begin(now: now)
          _ = try Self.hear(&reader, .array([.text("7:9"), .nil]), now: now)
          #expect(reader.next() == nil)
          now += 10 * Self.second
        }
      default: break
      }
      _ = reader.begin(now: now)
      _ = try Self.hear(&reader, .array([.text("7:9"), .nil]), now: now)
      let words = Self.words(reader.next())
      if cause == "none" { #expect(words.isEmpty) } else { #expect(Array(words[6...7]) == ["", "0"], "\(cause)") }
    }
  }

  @Test("a reload keeps what is known of the domains that stay")
  func adopts() throws {
    var reader = Self.reader()
    _ = try Self.readAll(&reader)
    _ = reader.begin(now: 1)
    reader.adopt(["api", "new"])
    #expect(try Self.hear(&reader, .array([.text("9:9"), .text("9:9")])).isEmpty, "the reply to an older question")
    #expect(reader.next() == nil)
    _ = reader.begin(now: 2)
    _ = try Self.hear(&reader, .array([.text("7:9"), .text("1:1")]))
    #expect(Self.words(reader.next())[3] == String(decoding: OrderKeys(domain: "new").version, as: UTF8.self))
    #expect(OrderReaderTests.words(reader.begin(now: 3)).count == 3)
    reader.adopt([])
    #expect(reader.begin(now: 4) == nil)
  }

  // MARK: What a page says

  @Test("resets are told by the digest of their key; what is no order and no reset is nothing")
  func members() throws {
    var reader = Self.reader(["api"])
    _ = reader.begin(now: 0)
    _ = try Self.hear(&reader, .array([.text("7:9")]))
    _ = reader.next()
    let page = try Self.hear(
      &reader,
      Self.page([
        ("r" + Self.digits + ":p:t12345678", []), ("rshort", []), ("", []), ("x", Self.record), ("o2", [1, 2]),
      ]))
    #expect(page[0].reset == ResetKeys(digests: [Self.digest]))
    #expect(page[0].changes == [OrderPage.Change(name: Array("o2".utf8), order: nil)])
  }

  @Test("replies that make no sense are refused, and the next round begins as ever")
  func malformed() throws {
    for reply in [Value.nil, .integer(1), .array([]), .array([.nil]), .array([.nil, .nil, .nil])] {
      var reader = Self.reader()
      _ = reader.begin(now: 0)
      #expect(throws: OrderReader.Malformed.self) { try Self.hear(&reader, reply) }
      reader.giveUp()
      #expect(try Self.readAll(&reader).last?.changes.count == 1)
    }
    let head: [Value] = [.integer(1), .text("7"), .integer(9), .integer(1), .integer(0)]
    var wrong: [[Value]] = [[], Array(head.prefix(4)), head + [.text("o1")], head + [.text("o1"), .nil]]
    for index in [0, 2, 3, 4] { wrong.append(head.enumerated().map { $0.offset == index ? .text("1") : $0.element }) }
    wrong.append([.integer(-1)] + head.dropFirst())
    wrong.append([.integer(.max)] + head.dropFirst())
    for values in wrong {
      var reader = Self.reader(["api"])
      _ = reader.begin(now: 0)
      _ = try Self.hear(&reader, .array([.text("7:9")]))
      _ = reader.next()
      #expect(throws: OrderReader.Malformed.self, "\(values)") { try Self.hear(&reader, .array(values)) }
    }
  }
}
