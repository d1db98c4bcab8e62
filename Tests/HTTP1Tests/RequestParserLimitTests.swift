// RequestParserLimitTests.swift: the sizes at which a request is refused, to the byte, and what a slow peer costs.

import Testing

@testable import HTTP1

@Suite struct RequestParserLimitTests {
  /// A head of exactly `count` bytes, in one long header.
  private func head(of count: Int) -> [UInt8] {
    let start = latin1("GET / HTTP/1.1\r\nA: ")
    return start + [UInt8](repeating: UInt8(ascii: "b"), count: count - start.count - 4) + latin1("\r\n\r\n")
  }

  @Test("a head of 65536 bytes is accepted, one byte more is 431")
  func headLimit() {
    guard case .head(let head, let headers) = HeadOutcome(self.head(of: 65_536) + [0]) else {
      Issue.record("not accepted")
      return
    }
    #expect(head.count == 65_536)
    #expect(headers[0].value.upperBound == 65_532)
    let error = ParseError(.headTooLarge, at: 65_536)
    #expect(error.status == 431)
    #expect(HeadOutcome(self.head(of: 65_537)) == .failed(error))
    #expect(HeadOutcome(Array(self.head(of: 65_537).dropLast())) == .failed(error), "at once, not at the next byte")
    #expect(HeadOutcome(Array(self.head(of: 65_537).prefix(65_535))) == .needMore)
  }

  @Test("a target of 16384 bytes is accepted, one byte more is 414")
  func targetLimit() {
    let target = [UInt8](repeating: UInt8(ascii: "/"), count: 16_384)
    guard case .head(let head, _) = HeadOutcome(latin1("GET ") + target + latin1(" HTTP/1.1\r\n\r\n")) else {
      Issue.record("not accepted")
      return
    }
    #expect(head.target == target)
    let error = ParseError(.targetTooLong, at: 4 + 16_384)
    #expect(error.status == 414)
    #expect(HeadOutcome(latin1("GET ") + target) == .needMore)
    #expect(HeadOutcome(latin1("GET ") + target + latin1("/")) == .failed(error))
    #expect(HeadOutcome(latin1("GET ") + target + latin1("/ HTTP/1.1\r\n\r\n")) == .failed(error))
  }

  @Test("as many headers as fit are accepted")
  func manyHeaders() {
    let line = latin1("GET / HTTP/1.1\r\n")
    let count = (65_536 - line.count - 2) / 4
    let bytes = line + [[UInt8]](repeating: latin1("a:\r\n"), count: count).flatMap { $0 } + latin1("\r\n")
    guard case .head(_, let headers) = HeadOutcome(bytes) else {
      Issue.record("not accepted")
      return
    }
    #expect(headers.count == count)
    #expect(headers.last?.name == ByteRange(start: Int32(line.count + 4 * (count - 1)), count: 1))
  }

  @Test("memory for many headers is not kept for the next request, memory for a few is")
  func memory() {
    var parser = RequestParser()
    let line = latin1("GET / HTTP/1.1\r\n")
    let many = line + [[UInt8]](repeating: latin1("a:\r\n"), count: 5000).flatMap { $0 } + latin1("\r\n")
    let few = line + [[UInt8]](repeating: latin1("a:\r\n"), count: 20).flatMap { $0 } + latin1("\r\n")
    #expect(parser.parse(few.span) == .head)
    parser.reset()
    #expect(parser.head.headers.capacity >= 20)
    #expect(parser.parse(many.span) == .head)
    parser.reset()
    #expect(parser.head.headers.capacity == 0)
  }

  @Test("a head in one-byte pieces is looked at once: no byte again, in whichever part of whichever line it stands")
  func drip() {
    func run(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
    var lines = ["", run("M", 5_000) + " /" + run("t", 15_000) + " HTTP/1.1"]
    lines.append(run("n", 12_000) + ":" + run(" ", 6_000) + run("v", 12_000))
    lines += [String](repeating: "a: b", count: 1_000)
    let bytes = latin1(lines.joined(separator: "\r\n") + "\r\n\r\n")
    var seen = [UInt8](repeating: 0, count: bytes.count)
    var parser = RequestParser()
    for index in bytes.indices {
      seen[index] = bytes[index]
      let progress = parser.parse(seen.span.extracting(..<(index + 1)))
      let expected: RequestParser.Progress = index + 1 < bytes.count ? .needMore : .head
      guard progress == expected else {
        Issue.record("\(progress) at byte \(index)")
        return
      }
      // NUL is an error wherever it is read: a parser that went back by one byte would fail.
      seen[index] = 0
    }
    // Nor was one read again where NUL is no error, as for the hash of a name.
    var whole = RequestParser()
    #expect(whole.parse(bytes.span) == .head)
    #expect(parser.head.headers == whole.head.headers)
  }
}
