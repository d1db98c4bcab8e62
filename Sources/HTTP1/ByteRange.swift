// ByteRange.swift: a part of the bytes that a parser was given, as an offset and a length.
//
// Ranges point into the connection's own buffer, so a parsed request copies nothing. They hold for the bytes that were
// parsed, and for no others: whoever moves the buffer's content must be done with them.

/// Offset and length of some bytes. 32 bits each: a head ends long before that.
public struct ByteRange: Sendable, Hashable {
  /// From the first byte given to the parser.
  public var start: Int32
  public var count: Int32

  public init(start: Int32, count: Int32) {
    self.start = start
    self.count = count
  }

  /// `lower` and `upper` are offsets within a head, so both are far below 2^31.
  init(from lower: Int, to upper: Int) {
    start = Int32(truncatingIfNeeded: lower)
    count = Int32(truncatingIfNeeded: upper - lower)
  }

  public static let empty = ByteRange(start: 0, count: 0)

  public var isEmpty: Bool { count == 0 }
  public var lowerBound: Int { Int(start) }
  public var upperBound: Int { Int(start) + Int(count) }
  public var range: Range<Int> { lowerBound..<upperBound }
}
