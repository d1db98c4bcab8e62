// FramingFields.swift: the headers that decide where a message ends and whether the connection goes on: Host,
// Content-Length, Transfer-Encoding, Connection, Expect.
//
// RFC 9112 section 6. Wherever the RFC lets a recipient repair a length (identical repeats, lists of one number), this
// refuses: another reader of the same bytes may have repaired them differently.

/// What the framing headers of one head have said so far.
struct FramingFields: Sendable {
  private var hasContentLength = false
  private var codings = Codings.none
  /// The name of the first Transfer-Encoding header, for the error that only the end of the head can find.
  private var transferEncoding = 0
  private var closes = false
  private var keepsAlive = false

  /// What the Transfer-Encoding lines amount to, joined in order.
  private enum Codings: UInt8, Sendable {
    case none
    /// One or more, none of them chunked.
    case unknown
    case chunked
    case unknownThenChunked
  }

  /// Looks at one header, in the order sent.
  mutating func take(_ header: Header, of bytes: Span<UInt8>, in head: inout RequestHead) throws(ParseError) {
    let name = header.name
    // The length rules most names out before a byte is compared.
    switch name.count {
    case 4 where HeaderName.matches(bytes, name, lowercased: "host"):
      guard head.host == nil else { throw ParseError(.repeatedHost, at: name.lowerBound) }
      head.host = header.value
    case 6 where HeaderName.matches(bytes, name, lowercased: "expect"):
      takeExpect(header.value, of: bytes, in: &head)
    case 10 where HeaderName.matches(bytes, name, lowercased: "connection"):
      takeConnection(header.value, of: bytes)
    case 14 where HeaderName.matches(bytes, name, lowercased: "content-length"):
      try takeContentLength(header, of: bytes, in: &head)
    case 17 where HeaderName.matches(bytes, name, lowercased: "transfer-encoding"):
      try takeTransferEncoding(header, of: bytes, minorVersion: head.minorVersion)
    default: break
    }
  }

  /// Decides what only the whole head can say.
  func finish(_ head: inout RequestHead) throws(ParseError) {
    switch codings {
    case .none: break
    case .chunked: head.framing = .chunked
    // RFC 9112 section 6.3, item 4: without a final chunked the body's end cannot be known.
    case .unknown: throw ParseError(.invalidTransferEncoding, at: transferEncoding)
    // RFC 9112 section 6.1: well framed, but nothing here can decode it.
    case .unknownThenChunked: throw ParseError(.unsupportedTransferCoding, at: transferEncoding)
    }
    head.keepsAlive = !closes && (keepsAlive || head.minorVersion >= 1)
  }

  private mutating func takeContentLength(
    _ header: Header, of bytes: Span<UInt8>, in head: inout RequestHead
  ) throws(ParseError) {
    let name = header.name.lowerBound
    guard !hasContentLength else { throw ParseError(.repeatedContentLength, at: name) }
    guard codings == .none else { throw ParseError(.contentLengthAndTransferEncoding, at: name) }
    guard let length = Self.decimal(bytes, header.value) else { throw ParseError(.invalidContentLength, at: name) }
    hasContentLength = true
    head.framing = .length(length)
  }

  /// Digits only, at least one; nil also above `Int.max`.
  private static func decimal(_ bytes: Span<UInt8>, _ range: ByteRange) -> Int? {
    guard !range.isEmpty else { return nil }
    var value = 0
    for index in range.range {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      let (tens, overTens) = value.multipliedReportingOverflow(by: 10)
      let (sum, overSum) = tens.addingReportingOverflow(Int(digit))
      guard !overTens, !overSum else { return nil }
      value = sum
    }
    return value
  }

  /// Codings are tokens between commas. Empty elements and parameters are refused: chunked has none, and they are how
  /// a coding is hidden from one of two readers.
  private mutating func takeTransferEncoding(
    _ header: Header, of bytes: Span<UInt8>, minorVersion: UInt8
  ) throws(ParseError) {
    let name = header.name.lowerBound
    guard minorVersion >= 1 else { throw ParseError(.transferEncodingInHTTP10, at: name) }
    guard !hasContentLength else { throw ParseError(.contentLengthAndTransferEncoding, at: name) }
    if codings == .none { transferEncoding = name }
    var list = CommaList(header.value)
    while let coding = list.next(bytes) {
      let isLast = codings == .chunked || codings == .unknownThenChunked
      guard !isLast, Self.isToken(bytes, coding) else { throw ParseError(.invalidTransferEncoding, at: name) }
      if HeaderName.matches(bytes, coding, lowercased: "chunked") {
        codings = codings == .none ? .chunked : .unknownThenChunked
      } else {
        codings = .unknown
      }
    }
  }

  private static func isToken(_ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
    for index in range.range where !ByteClass.isToken(bytes[index]) { return false }
    return !range.isEmpty
  }

  private mutating func takeConnection(_ value: ByteRange, of bytes: Span<UInt8>) {
    var list = CommaList(value)
    while let option = list.next(bytes) {
      if HeaderName.matches(bytes, option, lowercased: "close") { closes = true }
      if HeaderName.matches(bytes, option, lowercased: "keep-alive") { keepsAlive = true }
    }
  }

  private func takeExpect(_ value: ByteRange, of bytes: Span<UInt8>, in head: inout RequestHead) {
    guard head.minorVersion >= 1 else { return }
    var list = CommaList(value)
    while let expectation = list.next(bytes) {
      if HeaderName.matches(bytes, expectation, lowercased: "100-continue") { head.expectsContinue = true }
    }
  }
}
