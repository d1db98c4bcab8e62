// CommaList.swift: walks a header value that is a list.

/// The elements of a comma-separated header value (RFC 9110 section 5.6.1), without white space around them. Empty
/// ones are given too; an empty value is one empty element. Quotes mean nothing: no list read here has them.
struct CommaList {
  private var position: Int
  private let end: Int

  init(_ value: ByteRange) {
    position = value.lowerBound
    end = value.upperBound
  }

  mutating func next(_ bytes: Span<UInt8>) -> ByteRange? {
    guard position <= end else { return nil }
    var lower = position
    var upper = lower
    while upper < end, bytes[upper] != ByteClass.comma { upper += 1 }
    position = upper + 1
    while lower < upper, ByteClass.isBlank(bytes[lower]) { lower += 1 }
    while upper > lower, ByteClass.isBlank(bytes[upper - 1]) { upper -= 1 }
    return ByteRange(from: lower, to: upper)
  }
}
