// RequestParser.swift: bytes to a request head, in as many pieces as the network makes of it.
//
// The parser is a state per syntactic element and an index: it looks at each byte once, whatever the pieces, so a peer
// that drips 64 KiB byte by byte costs what one that sends them at once does, and cutting anywhere changes neither
// the result nor the error. A byte that cannot belong to a request is refused when it is seen, not when its line ends.
//
// RFC 9112, strictly where two readers could disagree (line ends, folding, framing), leniently where none is misled:
// empty lines first, no Host, any method token, odd bytes in targets and values. What a target or a header means is
// left to the caller, apart from the headers that frame the message and rule the connection.

/// Reads one request head at a time. Reusable; keeps its memory.
public struct RequestParser: Sendable {
  public enum Progress: Sendable, Hashable {
    /// The bytes are a proper beginning: call again with the same and more.
    case needMore
    /// `head` is complete; its body begins at `head.headCount`.
    case head
    case failed(ParseError)
  }

  /// What was read; whole once `parse` has said `.head`. A copy of it kept over `reset` costs the next request an
  /// allocation.
  public private(set) var head = RequestHead()
  var fields = FramingFields()
  private var phase = Phase.start
  /// The next byte to look at.
  private var position = 0
  /// Where the current element began.
  private var elementStart = 0
  private var emptyLines = 0
  private var name = ByteRange.empty
  private var nameHash = HeaderName.hashSeed
  private var failure: ParseError?

  public init() {}

  /// Makes ready for the next request, which begins at index 0 of the bytes given from now on.
  public mutating func reset() {
    head.reset()
    fields = FramingFields()
    phase = .start
    position = 0
    emptyLines = 0
    failure = nil
  }

  /// Reads on where the last call stopped.
  ///
  /// - Parameter bytes: From the first byte of the request, so what earlier calls were given and perhaps more. May
  ///   hold more than the head.
  /// - Returns: The same answer again if the head was already complete or refused.
  public mutating func parse(_ bytes: Span<UInt8>) -> Progress {
    precondition(bytes.count >= position, "the parser was given fewer bytes than before")
    if let failure { return .failed(failure) }
    let end = min(bytes.count, HTTP1Bounds.head)
    do throws(ParseError) {
      try advance(bytes, to: end)
      if phase == .complete { return .head }
      guard end < HTTP1Bounds.head else { throw ParseError(.headTooLarge, at: end) }
      return .needMore
    } catch {
      failure = error
      return .failed(error)
    }
  }

  /// Bytes of memory that the headers read so far take; several times their text, where they are short.
  public var headerMemory: Int { head.headers.capacity * MemoryLayout<Header>.stride }

  private enum Phase: UInt8, Sendable {
    case start, emptyLineEnd, method, target, version, requestLineEnd, requestLineLF
    case lineStart, name, valueStart, value, valueLF, headLF, complete
  }

  /// Each step finds `position < end` and leaves it further on, or another phase, or throws. A header line that is all
  /// there goes from step to step by falling through: a jump by phase that the processor guesses wrong costs as much as
  /// reading ten bytes.
  private mutating func advance(_ bytes: Span<UInt8>, to end: Int) throws(ParseError) {
    while position < end {
      switch phase {
      case .start: try start(bytes[position])
      case .emptyLineEnd: try endEmptyLine(bytes[position])
      case .method: try scanMethod(bytes, to: end)
      case .target: try scanTarget(bytes, to: end)
      case .version: try scanVersion(bytes, to: end)
      case .requestLineEnd: try endRequestLine(bytes[position])
      case .requestLineLF: try expectLF(bytes[position], then: .lineStart)
      case .lineStart:
        try startLine(bytes[position])
        guard phase == .name else { continue }
        fallthrough
      case .name:
        try scanName(bytes, to: end)
        guard phase == .valueStart else { continue }
        fallthrough
      case .valueStart:
        skipBlanks(bytes, to: end)
        guard phase == .value else { continue }
        fallthrough
      case .value:
        try scanValue(bytes, to: end)
        guard phase == .valueLF, position < end else { continue }
        fallthrough
      case .valueLF: try endField(bytes)
      case .headLF: try endHead(bytes[position])
      case .complete: return
      }
    }
  }

  private func failed(_ reason: ParseError.Reason) -> ParseError { ParseError(reason, at: position) }

  private mutating func begin(_ next: Phase) {
    phase = next
    elementStart = position
  }

  private mutating func expectLF(_ byte: UInt8, then next: Phase) throws(ParseError) {
    guard byte == ByteClass.lf else { throw ParseError(.bareCR, at: position - 1) }
    position += 1
    phase = next
  }

  // MARK: The request line

  private mutating func start(_ byte: UInt8) throws(ParseError) {
    if byte == ByteClass.cr {
      position += 1
      phase = .emptyLineEnd
      return
    }
    guard ByteClass.isToken(byte) else { throw failed(byte == ByteClass.lf ? .bareLF : .notARequest) }
    begin(.method)
  }

  private mutating func endEmptyLine(_ byte: UInt8) throws(ParseError) {
    try expectLF(byte, then: .start)
    emptyLines += 1
    guard emptyLines <= HTTP1Bounds.emptyLines else { throw ParseError(.tooManyEmptyLines, at: position - 1) }
  }

  private mutating func scanMethod(_ bytes: Span<UInt8>, to end: Int) throws(ParseError) {
    while position < end, ByteClass.isToken(bytes[position]) { position += 1 }
    guard position < end else { return }
    guard bytes[position] == ByteClass.space else {
      throw failed(bytes[position] == ByteClass.lf ? .bareLF : .invalidMethod)
    }
    head.method = ByteRange(from: elementStart, to: position)
    position += 1
    begin(.target)
  }

  private mutating func scanTarget(_ bytes: Span<UInt8>, to end: Int) throws(ParseError) {
    let limit = elementStart + HTTP1Bounds.target
    position = ByteClass.endOfTarget(bytes, from: position, to: min(end, limit))
    guard position < end else { return }
    switch bytes[position] {
    case ByteClass.space where position > elementStart:
      head.target = ByteRange(from: elementStart, to: position)
      position += 1
      begin(.version)
    case _ where position == limit: throw failed(.targetTooLong)
    case ByteClass.space: throw failed(.emptyTarget)
    case ByteClass.cr: throw failed(.malformedVersion)  // a line without a version: HTTP/0.9
    case ByteClass.lf: throw failed(.bareLF)
    default: throw failed(.invalidTarget)
    }
  }

  /// `HTTP/1.` and a digit; another major version is refused as soon as its digit is seen.
  private mutating func scanVersion(_ bytes: Span<UInt8>, to end: Int) throws(ParseError) {
    while position < end, phase == .version { try takeVersion(bytes[position]) }
  }

  private mutating func takeVersion(_ byte: UInt8) throws(ParseError) {
    let digit = byte &- UInt8(ascii: "0")
    switch position - elementStart {
    case 0 where byte == UInt8(ascii: "H"), 1 where byte == UInt8(ascii: "T"), 2 where byte == UInt8(ascii: "T"),
      3 where byte == UInt8(ascii: "P"), 4 where byte == UInt8(ascii: "/"), 6 where byte == UInt8(ascii: "."):
      break
    case 5 where digit == 1: break
    case 5 where digit < 10: throw failed(.unsupportedVersion)
    case 7 where digit < 10:
      head.minorVersion = min(digit, 1)
      phase = .requestLineEnd
    default: throw failed(byte == ByteClass.lf ? .bareLF : .malformedVersion)
    }
    position += 1
  }

  private mutating func endRequestLine(_ byte: UInt8) throws(ParseError) {
    guard byte == ByteClass.cr else { throw failed(byte == ByteClass.lf ? .bareLF : .malformedVersion) }
    position += 1
    phase = .requestLineLF
  }

  // MARK: Header lines

  private mutating func startLine(_ byte: UInt8) throws(ParseError) {
    if byte == ByteClass.cr {
      position += 1
      phase = .headLF
      return
    }
    guard !ByteClass.isBlank(byte) else { throw failed(.obsoleteFolding) }
    nameHash = HeaderName.hashSeed
    begin(.name)
  }

  private mutating func scanName(_ bytes: Span<UInt8>, to end: Int) throws(ParseError) {
    var index = position
    var hash = nameHash
    while index < end {
      let byte = bytes[index]
      guard ByteClass.isToken(byte) else { break }
      hash = HeaderName.step(hash, byte)
      index &+= 1
    }
    position = index
    nameHash = hash
    guard index < end else { return }
    guard bytes[index] == ByteClass.colon else { throw failed(ByteClass.misnamed(bytes[index])) }
    guard index > elementStart else { throw failed(.emptyHeaderName) }
    name = ByteRange(from: elementStart, to: index)
    position += 1
    phase = .valueStart
  }

  private mutating func skipBlanks(_ bytes: Span<UInt8>, to end: Int) {
    while position < end, ByteClass.isBlank(bytes[position]) { position += 1 }
    if position < end { begin(.value) }
  }

  private mutating func scanValue(_ bytes: Span<UInt8>, to end: Int) throws(ParseError) {
    position = ByteClass.endOfValue(bytes, from: position, to: end)
    guard position < end else { return }
    guard bytes[position] == ByteClass.cr else { throw failed(bytes[position] == ByteClass.lf ? .bareLF : .nul) }
    position += 1
    phase = .valueLF
  }

  private mutating func endField(_ bytes: Span<UInt8>) throws(ParseError) {
    var valueEnd = position - 1
    try expectLF(bytes[position], then: .lineStart)
    while valueEnd > elementStart, ByteClass.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
    let header = Header(name: name, value: ByteRange(from: elementStart, to: valueEnd), nameHash: nameHash)
    head.headers.append(header)
    try fields.take(header, of: bytes, in: &head)
  }

  private mutating func endHead(_ byte: UInt8) throws(ParseError) {
    try expectLF(byte, then: .complete)
    head.headCount = position
    try fields.finish(&head)
  }
}
