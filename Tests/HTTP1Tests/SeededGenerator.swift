// SeededGenerator.swift: SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed, so that a failure can
// be repeated from the seed it prints.

struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  /// Up to `count` places at which to cut `length` bytes, in order.
  mutating func cuts(_ count: Int, in length: Int) -> [Int] {
    (0..<count).map { _ in Int.random(in: 0...length, using: &self) }.sorted()
  }
}

/// The bytes whose values are the scalars of `text`, all below 256.
func latin1(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }
