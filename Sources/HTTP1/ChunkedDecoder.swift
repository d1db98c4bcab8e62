// ChunkedDecoder.swift: finds the data in a chunked body, in as many pieces as the network makes of it.
//
// RFC 9112 section 7.1. A state per byte and no look back: every byte given is used up, so the caller may drop what it
// has seen. Data is pointed at, never copied. Extensions and trailers are checked, bounded and dropped; what they say
// is not kept. Refused, as in a head: LF without CR, white space where the grammar has none, a size that overflows.

/// Reads one chunked body. Start each body with a new one.
public struct ChunkedDecoder: Sendable {
  public enum Step: Sendable, Hashable {
    /// All bytes given are used up, and the body goes on.
    case needMore
    /// These bytes are the body's, never none. Go on from the range's upper bound.
    case data(Range<Int>)
    /// The body ended before this index.
    case end(Int)
    case failed(ParseError)
  }

  private var state = State.size
  /// Bytes of data still to come in this chunk.
  private var remaining = 0
  private var digits = 0
  private var lineCount = 0
  private var extensionCount = 0
  private var trailerCount = 0
  private var failure: ParseError?

  public init() {}

  private enum State: UInt8, Sendable {
    case size, extensions, sizeLF, data, dataCR, dataLF
    case trailerStart, trailerName, trailerValue, trailerLF, finalLF, ended
  }

  /// Reads on from `bytes[start]`, the first byte not yet used up.
  ///
  /// - Returns: After `.failed` the same again; its offset is an index into the `bytes` of the call that found it.
  ///   After `.end`, `.end(start)`.
  public mutating func next(_ bytes: Span<UInt8>, from start: Int) -> Step {
    if let failure { return .failed(failure) }
    var index = start
    do throws(ParseError) {
      while state != .ended {
        guard index < bytes.count else { return .needMore }
        if state == .data {
          let count = min(remaining, bytes.count - index)
          remaining -= count
          if remaining == 0 { state = .dataCR }
          return .data(index..<index + count)
        }
        try take(bytes[index], at: index)
        index += 1
      }
      return .end(index)
    } catch {
      failure = error
      return .failed(error)
    }
  }

  private mutating func take(_ byte: UInt8, at index: Int) throws(ParseError) {
    switch state {
    case .size: try takeSize(byte, at: index)
    case .extensions: try takeExtension(byte, at: index)
    case .sizeLF: try expectLF(byte, at: index, then: remaining > 0 ? .data : .trailerStart)
    case .dataCR:
      guard byte == ByteClass.cr else { throw ParseError(.missingChunkEnd, at: index) }
      state = .dataLF
    case .dataLF:
      try expectLF(byte, at: index, then: .size)
      digits = 0
      lineCount = 0
    case .trailerStart, .trailerName, .trailerValue, .trailerLF, .finalLF: try takeTrailer(byte, at: index)
    case .data, .ended: preconditionFailure("these states take no single byte")
    }
  }

  private func expectLF(_ byte: UInt8, at index: Int) throws(ParseError) {
    guard byte == ByteClass.lf else { throw ParseError(.bareCR, at: index) }
  }

  private mutating func expectLF(_ byte: UInt8, at index: Int, then next: State) throws(ParseError) {
    try expectLF(byte, at: index)
    state = next
  }

  // MARK: The line of a chunk's size

  private mutating func takeSize(_ byte: UInt8, at index: Int) throws(ParseError) {
    lineCount += 1
    if let digit = Self.hexValue(byte) {
      digits += 1
      // The shift is safe: above 2^59 - 1 the size would leave Int, and leading zeros end at 16 digits.
      guard digits <= HTTP1Bounds.chunkSizeDigits, remaining <= Int.max >> 4 else {
        throw ParseError(.chunkSizeTooLarge, at: index)
      }
      remaining = remaining << 4 | Int(digit)
      return
    }
    guard digits > 0 else { throw ParseError(.invalidChunkSize, at: index) }
    switch byte {
    case ByteClass.cr: state = .sizeLF
    case UInt8(ascii: ";"): state = .extensions
    case ByteClass.lf: throw ParseError(.bareLF, at: index)
    default: throw ParseError(.invalidChunkSize, at: index)
    }
  }

  private mutating func takeExtension(_ byte: UInt8, at index: Int) throws(ParseError) {
    lineCount += 1
    extensionCount += 1
    guard lineCount <= HTTP1Bounds.chunkLine, extensionCount <= HTTP1Bounds.chunkExtensions else {
      throw ParseError(.chunkLineTooLong, at: index)
    }
    switch byte {
    case ByteClass.cr: state = .sizeLF
    case ByteClass.lf: throw ParseError(.bareLF, at: index)
    case ByteClass.tab, 0x20...0x7e, 0x80...0xff: break
    default: throw ParseError(.invalidChunkExtension, at: index)
    }
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- UInt8(ascii: "a") &+ 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
    default: nil
    }
  }

  // MARK: Trailers

  /// RFC 9112 section 7.1.2: header lines, and a blank line at the end.
  private mutating func takeTrailer(_ byte: UInt8, at index: Int) throws(ParseError) {
    trailerCount += 1
    guard trailerCount <= HTTP1Bounds.trailers else { throw ParseError(.trailersTooLarge, at: index) }
    switch state {
    case .trailerStart where byte == ByteClass.cr: state = .finalLF
    case .trailerStart: try startTrailer(byte, at: index)
    case .trailerName: try takeTrailerName(byte, at: index)
    case .trailerValue where byte == ByteClass.cr: state = .trailerLF
    case .trailerValue:
      guard ByteClass.isValue(byte) else { throw ParseError(byte == ByteClass.lf ? .bareLF : .nul, at: index) }
    case .trailerLF: try expectLF(byte, at: index, then: .trailerStart)
    default: try expectLF(byte, at: index, then: .ended)
    }
  }

  private mutating func startTrailer(_ byte: UInt8, at index: Int) throws(ParseError) {
    guard !ByteClass.isBlank(byte) else { throw ParseError(.obsoleteFolding, at: index) }
    guard byte != ByteClass.colon else { throw ParseError(.emptyHeaderName, at: index) }
    guard ByteClass.isToken(byte) else { throw ParseError(ByteClass.misnamed(byte), at: index) }
    state = .trailerName
  }

  private mutating func takeTrailerName(_ byte: UInt8, at index: Int) throws(ParseError) {
    if byte == ByteClass.colon {
      state = .trailerValue
    } else if !ByteClass.isToken(byte) {
      throw ParseError(ByteClass.misnamed(byte), at: index)
    }
  }
}
