// OrderRecord.swift: one order as orders.lua keeps it: what only weirs understand.
//
//   form (1: this one), kind (0 block, 1 grant), amount (8), algorithm (1, as in the counter's name)
//   policy, key and who ordered it: length (4) and bytes each
//   how many attributes the policy's key has (4), then their names: length (4) and bytes each
//
// Big-endian. When it ends stands before the record, since Redis moves it (orders.lua). Another program may write there,
// and a later weir other forms: what makes no sense is no order.

import Limiting
import Policies

enum OrderRecord {
  private static let form: UInt8 = 1

  static func bytes(_ booked: BookedOrder) -> [UInt8] {
    var bytes = [form]
    switch booked.order.kind {
    case .block: bytes += [0] + big(0, 8)
    case .grant(let amount): bytes += [1] + big(amount, 8)
    }
    bytes.append(KeyNames.letter(booked.identity.algorithm))
    for part in [Array(booked.identity.name.utf8), booked.key, Array(booked.by.utf8.prefix(Bounds.orderBy))] {
      bytes += big(Int64(part.count), 4) + part
    }
    bytes += big(Int64(booked.identity.key.count), 4)
    for name in booked.identity.key.map(\.text.utf8) { bytes += big(Int64(name.count), 4) + name }
    return bytes
  }

  /// Reads an order of `domain` as changes.lua gives it, its end in front.
  static func read(_ bytes: Span<UInt8>, domain: String) -> BookedOrder? {
    var cursor = Cursor()
    guard let end = cursor.number(7, bytes), end < 1 << 53, cursor.number(1, bytes) == Int64(form),
      let kind = cursor.number(1, bytes), let amount = cursor.number(8, bytes),
      let letter = cursor.number(1, bytes), let algorithm = algorithm(letter),
      let policy = cursor.part(bytes), PolicyName.isValid(policy), let key = cursor.part(bytes),
      let by = cursor.part(bytes), let count = cursor.number(4, bytes)
    else { return nil }
    var attributes: [AttributeName] = []
    for _ in 0..<count {
      // Each takes at least four bytes, so that no count makes this longer than the record.
      guard let part = cursor.part(bytes), let name = AttributeName(String(decoding: part, as: UTF8.self)) else {
        return nil
      }
      attributes.append(name)
    }
    guard cursor.offset == bytes.count else { return nil }
    let order: Order
    switch kind {
    case 0: order = Order(.block, until: end * 1000)
    case 1 where OrderBounds.amount.contains(amount): order = Order(.grant(amount), until: end * 1000)
    default: return nil
    }
    return BookedOrder(
      identity: CounterIdentity(
        domain: domain, name: String(decoding: policy, as: UTF8.self), algorithm: algorithm, key: attributes,
        store: .redis), key: key, order: order, by: String(decoding: by, as: UTF8.self))
  }

  private static func algorithm(_ letter: Int64) -> Algorithm? {
    Algorithm.allCases.first { Int64(KeyNames.letter($0)) == letter }
  }

  private static func big(_ value: Int64, _ count: Int64) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A place in a record.
  private struct Cursor {
    private(set) var offset = 0

    mutating func number(_ count: Int, _ bytes: Span<UInt8>) -> Int64? {
      guard bytes.count - offset >= count else { return nil }
      var value: Int64 = 0
      for _ in 0..<count {
        value = value << 8 | Int64(bytes[offset])
        offset += 1
      }
      return value
    }

    /// A length, and so many bytes.
    mutating func part(_ bytes: Span<UInt8>) -> [UInt8]? {
      guard let length = number(4, bytes), length <= bytes.count - offset else { return nil }
      defer { offset += Int(length) }
      return unsafe bytes.extracting(offset..<offset + Int(length)).withUnsafeBufferPointer { unsafe Array($0) }
    }
  }
}
