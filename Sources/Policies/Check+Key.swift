// Check+Key.swift: the bytes of a key, part by part. PolicySet+Key.swift draws the layout.

import Limiting

extension Check {
  mutating func append(bigEndian value: UInt64) {
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }

  private mutating func append(count: Int) {
    for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
  }

  mutating func appendPrefixed(_ range: ArenaRange) {
    append(count: Int(range.count))
    for index in Int(range.start)..<range.end { bytes.append(bytes[index]) }
  }

  /// Appends several values as a set: sorted, without duplicates. A set of one has the form of a single value.
  mutating func appendSet(_ chain: Chain) {
    sorted.removeAll(keepingCapacity: true)
    var next = chain.first
    while next >= 0 {
      sorted.append(values[Int(next)].range)
      next = values[Int(next)].next
    }
    if sorted.count <= CheckBounds.sortedValues { sortValues() }
    if sorted.count == 1 {
      bytes.append(1)
      appendPrefixed(sorted[0])
    } else {
      bytes.append(2)
      append(count: sorted.count)
      for index in sorted.indices { appendPrefixed(sorted[index]) }
    }
  }

  private mutating func sortValues() {
    let bytes = self.bytes
    sorted.sort { Bytes.isLess(bytes.span, $0, $1) }
    var kept = 0
    for index in sorted.indices.dropFirst()
    where !Bytes.equal(bytes.span, sorted[index], bytes.span, sorted[kept]) {
      kept += 1
      sorted[kept] = sorted[index]
    }
    sorted.removeLast(sorted.count - kept - 1)
  }

  /// Where the part of a key that begins at `start` ends.
  func partEnd(from start: Int) -> Int {
    switch bytes[start] {
    case 1:
      return start + 5 + count(at: start + 1)
    case 2:
      var end = start + 5
      for _ in 0..<count(at: start + 1) { end += 4 + count(at: end) }
      return end
    default:
      return start + 17
    }
  }

  private func count(at offset: Int) -> Int {
    var value = 0
    for index in offset..<offset + 4 { value = value << 8 | Int(bytes[index]) }
    return value
  }

  /// The number that a stretch of digits writes, at most `maximum`; -1 where it is empty or holds anything else.
  func number(at range: ArenaRange, atMost maximum: Int64) -> Int64 {
    guard range.count > 0 else { return -1 }
    var value: Int64 = 0
    for index in Int(range.start)..<range.end {
      guard bytes[index] >= UInt8(ascii: "0"), bytes[index] <= UInt8(ascii: "9") else { return -1 }
      // Held at the maximum (at most 10^6) as it grows, so that no run of digits overflows.
      value = min(maximum, value * 10 + Int64(bytes[index] - UInt8(ascii: "0")))
    }
    return value
  }
}
