// RequestParserTests.swift: what is accepted, what is refused and where, in any pieces.

import TestKit
import Testing

@testable import HTTP1

@Suite struct RequestParserTests {
  @Test("a proper head is accepted, and says what the slow reference reads in it", arguments: RequestCase.accepted)
  func accepts(_ request: RequestCase) throws {
    let expected = try #require(ReferenceHead(reading: request.input))
    guard case .head(let head, _) = HeadOutcome(request.input) else {
      Issue.record("not accepted: \(HeadOutcome(request.input))")
      return
    }
    #expect(head == expected)
  }

  @Test("what is malformed is refused, with its reason and the byte", arguments: RequestCase.refused)
  func refuses(_ request: RequestCase) throws {
    #expect(HeadOutcome(request.input) == .failed(try #require(request.error)))
    #expect(ReferenceHead(reading: request.input) == nil)
  }

  @Test("a line that is wrong in itself is refused at the wrong byte, without waiting for more")
  func refusesEarly() throws {
    // Errors of a whole header or of the whole head are known only at the end of the line or of the head.
    let late: Set<ParseError.Reason> = [
      .bareCR, .repeatedHost, .invalidContentLength, .repeatedContentLength, .contentLengthAndTransferEncoding,
      .transferEncodingInHTTP10, .invalidTransferEncoding, .unsupportedTransferCoding,
    ]
    var tried = 0
    for request in RequestCase.refused {
      let error = try #require(request.error)
      if late.contains(error.reason) { continue }
      #expect(HeadOutcome(Array(request.input.prefix(error.offset))) == .needMore, "\(request.rule)")
      #expect(HeadOutcome(Array(request.input.prefix(error.offset + 1))) == .failed(error), "\(request.rule)")
      tried += 1
    }
    #expect(tried > 40)
  }

  @Test("cutting the input anywhere changes nothing", arguments: RequestCase.accepted + RequestCase.refused)
  func splitsAnywhere(_ request: RequestCase) {
    let whole = HeadOutcome(request.input)
    for cut in 0...request.input.count {
      #expect(HeadOutcome(request.input, cuts: [cut]) == whole, "cut at \(cut)")
    }
    #expect(HeadOutcome(request.input, cuts: 0..<request.input.count) == whole, "byte by byte")
  }

  @Test("cutting the input in many places changes nothing", arguments: 0..<20 as Range<UInt64>)
  func splitsInManyPlaces(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for request in RequestCase.accepted + RequestCase.refused {
      let cuts = generator.cuts(Int.random(in: 2...9, using: &generator), in: request.input.count)
      #expect(HeadOutcome(request.input, cuts: cuts) == HeadOutcome(request.input), "\(request.rule), cuts \(cuts)")
    }
  }

  @Test("no byte past the end is read, wherever the input ends")
  func staysInside() {
    let room = GuardedBytes(capacity: 8192)
    for request in RequestCase.accepted + RequestCase.refused {
      for count in 0...request.input.count {
        let bytes = Array(request.input.prefix(count))
        let progress = room.lend(bytes) { span in
          var parser = RequestParser()
          return parser.parse(span)
        }
        #expect((progress == .needMore) == (HeadOutcome(bytes) == .needMore))
      }
    }
  }

  @Test("altered requests fare as the slow reference says, in any pieces", arguments: 0..<40 as Range<UInt64>)
  func agreesWithReference(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet = latin1("\r\n\r\n\r\n\0\t  ::,;aZ09chunkedclose/.HTTP1\u{7f}\u{80}\u{ff}\u{b}")
    var parser = RequestParser()
    for request in RequestCase.accepted + RequestCase.refused {
      var bytes = request.input
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0...bytes.count, using: &generator)
        let byte = alphabet.randomElement(using: &generator)!
        switch Int.random(in: 0...2, using: &generator) {
        case 0: bytes.insert(byte, at: place)
        case 1 where place < bytes.count: bytes[place] = byte
        case 2 where place < bytes.count: bytes.remove(at: place)
        default: bytes.append(byte)
        }
      }
      let outcome = HeadOutcome(bytes, cuts: generator.cuts(3, in: bytes.count), parser: &parser)
      #expect(outcome == HeadOutcome(bytes), "\(bytes)")
      if let expected = ReferenceHead(reading: bytes) {
        guard case .head(expected, _) = outcome else {
          Issue.record("\(String(decoding: bytes, as: UTF8.self).debugDescription): \(outcome)")
          continue
        }
      } else if case .head = outcome {
        Issue.record("accepted: \(String(decoding: bytes, as: UTF8.self).debugDescription)")
      }
    }
  }

  @Test("each header carries the hash of its name, and its ranges are the name and the trimmed value")
  func headers() {
    let bytes = latin1("GET /a HTTP/1.1\r\nX-A:1\r\nLong-Name:  v w \t\r\n\r\nrest")
    guard case .head(_, let headers) = HeadOutcome(bytes) else {
      Issue.record("not accepted")
      return
    }
    #expect(headers.map(\.name) == [ByteRange(start: 17, count: 3), ByteRange(start: 24, count: 9)])
    #expect(headers.map(\.value) == [ByteRange(start: 21, count: 1), ByteRange(start: 36, count: 3)])
    #expect(headers.map(\.nameHash) == [HeaderName.hash(of: "x-a"), HeaderName.hash(of: "LONG-NAME")])
  }

  @Test("an answer stands: asked again, the parser says the same")
  func repeats() {
    var parser = RequestParser()
    let good = latin1("GET / HTTP/1.1\r\n\r\n")
    #expect(parser.parse(good.span) == .head)
    #expect(parser.parse((good + [0]).span) == .head)
    #expect(parser.head.headCount == good.count)
    parser.reset()
    let bad = latin1("GET / HTTP/1.1\n")
    #expect(parser.parse(bad.span) == .failed(ParseError(.bareLF, at: 14)))
    #expect(parser.parse((bad + latin1("\r\n")).span) == .failed(ParseError(.bareLF, at: 14)))
  }

  @Test("after a reset nothing of the previous request is left")
  func resets() {
    var parser = RequestParser()
    let first = latin1(
      "\r\n\r\nPOST /first HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 7\r\nX: y\r\n\r\n")
    let second = latin1("\r\n\r\n\r\nGET / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
    for bytes in [first, second, first, latin1("bad"), second, latin1("bad\n"), first] {
      #expect(HeadOutcome(bytes, cuts: [], parser: &parser) == HeadOutcome(bytes))
    }
  }
}
