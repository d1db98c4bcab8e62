// Pieces.swift: runs the parser and the decoder over bytes that arrive in pieces, and says what came of it in a form
// that two runs can be compared by.

#if canImport(HTTP1)
  import HTTP1
#endif

/// What came of parsing a head, with every range as found.
enum HeadOutcome: Equatable {
  case needMore
  case failed(ParseError)
  case head(ReferenceHead, headers: [Header])

  /// Parses `bytes`, which become visible up to each of `cuts` in turn, and then whole.
  init(_ bytes: [UInt8], cuts: some Sequence<Int> = []) {
    var parser = RequestParser()
    self.init(bytes, cuts: cuts, parser: &parser)
  }

  init(_ bytes: [UInt8], cuts: some Sequence<Int>, parser: inout RequestParser) {
    parser.reset()
    var progress = RequestParser.Progress.needMore
    for cut in cuts where progress == .needMore { progress = parser.parse(bytes.span.extracting(..<cut)) }
    if progress == .needMore { progress = parser.parse(bytes.span) }
    switch progress {
    case .needMore: self = .needMore
    case .failed(let error): self = .failed(error)
    case .head: self = .head(ReferenceHead(parser.head, of: bytes), headers: parser.head.headers)
    }
  }
}

/// What came of decoding a chunked body.
enum BodyOutcome: Equatable {
  case needMore(data: [UInt8])
  case failed(ParseError, data: [UInt8])
  case end(data: [UInt8], count: Int)

  /// Decodes `bytes`, which arrive in pieces that end at each of `cuts`. Offsets are from the first byte of all.
  init(_ bytes: [UInt8], cuts: some Sequence<Int> = []) {
    var decoder = ChunkedDecoder()
    var data: [UInt8] = []
    var start = 0
    for cut in Array(cuts) + [bytes.count] {
      let piece = Array(bytes[start..<cut])
      var index = 0
      reading: while true {
        switch decoder.next(piece.span, from: index) {
        case .needMore: break reading
        case .data(let range):
          data += piece[range]
          index = range.upperBound
        case .end(let end):
          self = .end(data: data, count: start + end)
          return
        case .failed(let error):
          self = .failed(ParseError(error.reason, at: start + error.offset), data: data)
          return
        }
      }
      start = cut
    }
    self = .needMore(data: data)
  }
}
