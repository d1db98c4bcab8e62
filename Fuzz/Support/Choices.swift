// Choices.swift: an input as a row of choices, for targets that build something well-formed out of it. Where the input
// ends, every further choice is the first.

/// Bytes that decide.
struct Choices {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  var isOver: Bool { place >= bytes.count }

  mutating func byte() -> UInt8 {
    guard place < bytes.count else { return 0 }
    defer { place += 1 }
    return bytes[place]
  }

  /// Of one byte: 0 to `count` - 1. `count` is at most 256.
  mutating func below(_ count: Int) -> Int { Int(byte()) % count }

  mutating func flag() -> Bool { byte() & 1 == 1 }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

  /// Big-endian, of at most 8 bytes.
  mutating func number(_ count: Int) -> Int64 {
    var value: UInt64 = 0
    for _ in 0..<count { value = value << 8 | UInt64(byte()) }
    return Int64(bitPattern: value)
  }

  /// The next bytes, as many as there still are.
  mutating func take(_ count: Int) -> [UInt8] {
    let end = min(bytes.count, place + count)
    defer { place = end }
    return Array(bytes[place..<end])
  }

  mutating func rest() -> [UInt8] { take(bytes.count) }
}
