// Inputs.swift: how tests make their inputs.

import TestKit

extension SeededGenerator {
  /// Up to `count` places at which to cut `length` bytes, in order.
  mutating func cuts(_ count: Int, in length: Int) -> [Int] {
    (0..<count).map { _ in Int.random(in: 0...length, using: &self) }.sorted()
  }
}

/// The bytes whose values are the scalars of `text`, all below 256.
func latin1(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }
