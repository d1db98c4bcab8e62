// OrderRecordTests.swift: an order is read back as it was written; anything else is no order.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite struct OrderRecordTests {
  static let until: Int64 = 1_700_000_600_000_001_000

  static func order(
    _ kind: Order.Kind = .grant(7), algorithm: Algorithm = .slidingLog, key: [AttributeName] = [.ip, .header("x-a")],
    bytes: [UInt8] = [1, 0, 0, 0, 1, 97], by: String = "127.0.0.1: launch"
  ) -> BookedOrder {
    BookedOrder(
      identity: CounterIdentity(domain: "api", name: "per-client", algorithm: algorithm, key: key, store: .redis),
      key: bytes, order: Order(kind, until: until), by: by)
  }

  /// As changes.lua gives it.
  static func value(_ record: [UInt8], until: Int64 = until) -> [UInt8] {
    (0..<7).reversed().map { UInt8(truncatingIfNeeded: (until / 1000) >> ($0 * 8)) } + record
  }

  static func read(_ value: [UInt8]) -> BookedOrder? { OrderRecord.read(value.span, domain: "api") }

  @Test("is read back as it was written", arguments: Algorithm.allCases)
  func roundTrip(algorithm: Algorithm) {
    for kind in [Order.Kind.block, .grant(1), .grant(OrderBounds.amount.upperBound)] {
      for key in [[], [AttributeName.ip], [.header("x-a"), .query("a b"), .capture("id"), .custom("plan"), .method]] {
        for bytes in [[], [0], Array(repeating: UInt8(255), count: 8192)] {
          let order = Self.order(kind, algorithm: algorithm, key: key, bytes: bytes)
          #expect(Self.read(Self.value(OrderRecord.bytes(order))) == order)
        }
      }
    }
  }

  @Test("a text of who ordered that is too long is cut")
  func cut() {
    let long = Self.order(by: String(repeating: "x", count: 5_000))
    #expect(Self.read(Self.value(OrderRecord.bytes(long)))?.by.utf8.count == Bounds.orderBy)
  }

  @Test("no beginning of it is one, nor is it with a byte more")
  func lengths() {
    let value = Self.value(OrderRecord.bytes(Self.order()))
    for count in 0..<value.count { #expect(Self.read(Array(value.prefix(count))) == nil, "\(count)") }
    #expect(Self.read(value + [0]) == nil)
  }

  @Test("any byte may be wrong: it is no order, or one within the bounds", arguments: 0..<20)
  func damaged(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let value = Self.value(OrderRecord.bytes(Self.order()))
    for _ in 0..<500 {
      var wrong = value
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        wrong[Int.random(in: wrong.indices, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      guard let read = Self.read(wrong) else { continue }
      if case .grant(let amount) = read.order.kind { #expect(OrderBounds.amount.contains(amount), "seed \(seed)") }
      #expect(read.order.until >= 0 && PolicyName.isValid(read.identity.name.utf8), "seed \(seed)")
    }
  }

  @Test("another form, kind, algorithm or amount is no order")
  func unknown() {
    let record = OrderRecord.bytes(Self.order())
    for (place, byte) in [(0, 2), (1, 2), (10, 120)] as [(Int, UInt8)] {
      var wrong = record
      wrong[place] = byte
      #expect(Self.read(Self.value(wrong)) == nil, "byte \(place)")
    }
    var zero = record
    zero.replaceSubrange(2..<10, with: repeatElement(0, count: 8))
    #expect(Self.read(Self.value(zero)) == nil)
    zero.replaceSubrange(2..<10, with: repeatElement(255, count: 8))
    #expect(Self.read(Self.value(zero)) == nil)
  }
}
