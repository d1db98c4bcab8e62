// ChunkedDecoderTests.swift: chunked bodies, accepted and refused, in any pieces (RFC 9112 section 7.1).

import HTTP1
import TestKit
import Testing

@Suite struct ChunkedDecoderTests {
  /// Bodies, and the data in them. Each is followed by bytes that are not the body's.
  static let accepted: [(body: String, data: String)] = [
    ("0\r\n\r\n", ""), ("0000000000000000\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("1\r\na\r\n0000000000000001\r\nb\r\n0\r\n\r\n", "ab"),
    ("5\r\nhello\r\n1\r\n,\r\n00a\r\n0123456789\r\n000\r\n\r\n", "hello,0123456789"),
    ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"), ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ("5;a\r\nhello\r\n0;b=\"c;d\";e=f\r\n\r\n", "hello"), ("5;\r\nhello\r\n0; \t\u{80}\r\n\r\n", "hello"),
    ("0\r\nA: b\r\nC:\r\nD:\u{1}\u{ff} : \r\n\r\n", ""),
  ]

  /// Bodies, and where they are refused.
  static let refused: [(before: String, rest: String, reason: ParseError.Reason)] = [
    ("", "\r\n", .invalidChunkSize), ("", " 5\r\nhello\r\n", .invalidChunkSize), ("", "g\r\n", .invalidChunkSize),
    ("", "-5\r\n", .invalidChunkSize), ("", "+5\r\n", .invalidChunkSize), ("0", "x5\r\n", .invalidChunkSize),
    ("", ";a\r\n", .invalidChunkSize), ("5", " \r\nhello\r\n", .invalidChunkSize), ("5", " ;a\r\n", .invalidChunkSize),
    ("5", "_0\r\n", .invalidChunkSize), ("", "\n", .invalidChunkSize), ("5", "\nhello\r\n", .bareLF),
    ("5;a", "\n", .bareLF), ("5\r", "hello", .bareCR), ("5;a\r", "b\r\n", .bareCR),
    ("5;a", "\0\r\n", .invalidChunkExtension),
    ("5;", "\u{7f}\r\n", .invalidChunkExtension), ("800000000000000", "0\r\n", .chunkSizeTooLarge),
    ("fffffffffffffff", "f\r\n", .chunkSizeTooLarge), ("0000000000000000", "1\r\n", .chunkSizeTooLarge),
    ("5\r\nhello", "0\r\n\r\n", .missingChunkEnd), ("5\r\nhello", "\n0\r\n\r\n", .missingChunkEnd),
    ("5\r\nhello\r", "0\r\n\r\n", .bareCR), ("5\r\nhello", "!\r\n", .missingChunkEnd),
    ("0\r\n", "\n", .bareLF), ("0\r\n\r", "x", .bareCR), ("0\r\n", " A: b\r\n\r\n", .obsoleteFolding),
    ("0\r\nA: b\r\n", "\tc\r\n\r\n", .obsoleteFolding), ("0\r\n", ": b\r\n\r\n", .emptyHeaderName),
    ("0\r\nA", " : b\r\n\r\n", .spaceBeforeColon), ("0\r\nA", "\r\n\r\n", .missingColon), ("0\r\nA", "\n", .bareLF),
    ("0\r\nA: b", "\n\r\n", .bareLF), ("0\r\nA: b\r", "c\r\n", .bareCR), ("0\r\nA: ", "\0\r\n\r\n", .nul),
    ("0\r\nA", "\0: b\r\n\r\n", .nul), ("0\r\nA", "(: b\r\n\r\n", .invalidHeaderName),
    ("5\r\nhello\r\n", "\r\n", .invalidChunkSize), ("5\r\nhello\r\n", ";a\r\n", .invalidChunkSize),
    ("0\r\n5", "\u{e9}: b\r\n\r\n", .invalidHeaderName),
  ]

  @Test("the data of a body is found, and its end")
  func accepts() {
    for (body, data) in Self.accepted {
      let outcome = BodyOutcome(latin1(body + "5\r\nnext"))
      #expect(outcome == .end(data: latin1(data), count: latin1(body).count), "\(body.debugDescription)")
      #expect(ReferenceChunked(latin1(body + "x")) == .complete(data: latin1(data), count: latin1(body).count))
    }
  }

  @Test("what is malformed is refused at the wrong byte, and before it is not yet")
  func refuses() {
    for (before, rest, reason) in Self.refused {
      let offset = latin1(before).count
      let outcome = BodyOutcome(latin1(before + rest))
      guard case .failed(let error, _) = outcome else {
        Issue.record("\((before + rest).debugDescription): \(outcome)")
        continue
      }
      #expect(error == ParseError(reason, at: offset), "\((before + rest).debugDescription)")
      guard case .needMore = BodyOutcome(latin1(before)) else {
        Issue.record("refused early: \(before.debugDescription)")
        continue
      }
      #expect(BodyOutcome(Array(latin1(before + rest).prefix(offset + 1))) == outcome, "not refused at once")
      #expect(ReferenceChunked(latin1(before + rest)) == .other)
    }
  }

  @Test("cutting a body anywhere changes nothing", arguments: 0..<5 as Range<UInt64>)
  func splitsAnywhere(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for text in Self.accepted.map(\.body) + Self.refused.map({ $0.before + $0.rest }) {
      let bytes = latin1(text + "x")
      let whole = BodyOutcome(bytes)
      for cut in 0...bytes.count {
        #expect(BodyOutcome(bytes, cuts: [cut]) == whole, "\(text.debugDescription) at \(cut)")
      }
      #expect(BodyOutcome(bytes, cuts: 0..<bytes.count) == whole)
      let cuts = generator.cuts(5, in: bytes.count)
      #expect(BodyOutcome(bytes, cuts: cuts) == whole, "\(text.debugDescription) at \(cuts)")
    }
  }

  @Test("altered bodies fare as the slow reference says", arguments: 0..<40 as Range<UInt64>)
  func agreesWithReference(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet = latin1("\r\n\r\n\r\n\0\t ;:015afAF\u{7f}\u{80}")
    for text in Self.accepted.map(\.body) + Self.refused.map({ $0.before + $0.rest }) {
      var bytes = latin1(text)
      let place = Int.random(in: 0...bytes.count, using: &generator)
      let byte = alphabet.randomElement(using: &generator)!
      if Bool.random(using: &generator), place < bytes.count {
        bytes[place] = byte
      } else {
        bytes.insert(byte, at: place)
      }
      let outcome = BodyOutcome(bytes, cuts: generator.cuts(3, in: bytes.count))
      switch (outcome, ReferenceChunked(bytes)) {
      case (.end(let data, let count), .complete(let expected, let expectedCount)):
        #expect(data == expected && count == expectedCount, "\(bytes)")
      case (.needMore, .other), (.failed, .other): break
      default: Issue.record("\(bytes): \(outcome)")
      }
    }
  }

  @Test("no byte past the end is read, wherever the input ends")
  func staysInside() {
    let room = GuardedBytes(capacity: 4096)
    for (body, data) in Self.accepted {
      for count in 0...latin1(body).count {
        let found = room.lend(latin1(body).prefix(count)) { span in
          var decoder = ChunkedDecoder()
          var found = 0
          var index = 0
          while case .data(let range) = decoder.next(span, from: index) {
            found += range.count
            index = range.upperBound
          }
          return found
        }
        #expect(found <= latin1(data).count)
      }
    }
  }

  @Test("a size line of 4096 bytes is accepted, one byte more is refused")
  func lineLimit() {
    let longest = latin1("0;") + [UInt8](repeating: UInt8(ascii: "a"), count: 4093) + latin1("\r\n\r\n")
    #expect(BodyOutcome(longest) == .end(data: [], count: longest.count))
    #expect(ReferenceChunked(longest) == .complete(data: [], count: longest.count))
    let longer = latin1("0;") + [UInt8](repeating: UInt8(ascii: "a"), count: 4094) + latin1("\r\n\r\n")
    #expect(BodyOutcome(longer) == .failed(ParseError(.chunkLineTooLong, at: 4096), data: []))
    #expect(ReferenceChunked(longer) == .other)
  }

  @Test("all extensions of a body together are bounded")
  func extensionLimit() {
    let chunk = latin1("1;") + [UInt8](repeating: UInt8(ascii: "a"), count: 4093) + latin1("\r\nx\r\n")
    // 4094 bytes of extension a chunk, with the CR that ends it: 16 chunks stay below 65536, the 17th does not.
    let bytes = Array([[UInt8]](repeating: chunk, count: 17).joined())
    guard case .needMore(let data) = BodyOutcome(Array(bytes.prefix(16 * chunk.count))) else {
      Issue.record("refused too early")
      return
    }
    #expect(data.count == 16)
    guard case .failed(let error, _) = BodyOutcome(bytes) else {
      Issue.record("not refused")
      return
    }
    #expect(error.reason == .chunkLineTooLong)
  }

  @Test("trailers of 65536 bytes are accepted, one byte more is 431")
  func trailerLimit() {
    func body(_ trailers: Int) -> [UInt8] {
      latin1("0\r\nA:") + [UInt8](repeating: UInt8(ascii: "b"), count: trailers - 6) + latin1("\r\n\r\n")
    }
    #expect(BodyOutcome(body(65_536)) == .end(data: [], count: 3 + 65_536))
    #expect(ReferenceChunked(body(65_536)) == .complete(data: [], count: 3 + 65_536))
    #expect(BodyOutcome(body(65_537)) == .failed(ParseError(.trailersTooLarge, at: 3 + 65_536), data: []))
    #expect(ParseError(.trailersTooLarge, at: 0).status == 431)
  }

  @Test("the largest size is taken, and data arrives as it comes")
  func largest() {
    var decoder = ChunkedDecoder()
    let bytes = latin1("7fffffffffffffff\r\nabc")
    #expect(decoder.next(bytes.span, from: 0) == .data(18..<21))
    #expect(decoder.next(bytes.span, from: 21) == .needMore)
    #expect(decoder.next(latin1("de").span, from: 0) == .data(0..<2))
  }

  @Test("an answer stands: asked again, the decoder says the same and takes nothing more")
  func repeats() {
    var decoder = ChunkedDecoder()
    let bytes = latin1("0\r\n\r\n5\r\nhello")
    #expect(decoder.next(bytes.span, from: 0) == .end(5))
    #expect(decoder.next(bytes.span, from: 5) == .end(5))
    decoder = ChunkedDecoder()
    let bad = latin1("x")
    #expect(decoder.next(bad.span, from: 0) == .failed(ParseError(.invalidChunkSize, at: 0)))
    #expect(decoder.next(bytes.span, from: 0) == .failed(ParseError(.invalidChunkSize, at: 0)))
  }
}
