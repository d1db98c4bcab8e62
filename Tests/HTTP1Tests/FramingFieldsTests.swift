// FramingFieldsTests.swift: what the headers that frame a message come to, value by value.

import Testing

@testable import HTTP1

@Suite struct FramingFieldsTests {
  /// The head of a request with these header lines; nil where it is refused.
  private func head(_ lines: String, minor: Int = 1) -> RequestHead? {
    var parser = RequestParser()
    let bytes = latin1("POST / HTTP/1.\(minor)\r\n\(lines)\r\n")
    return parser.parse(bytes.span) == .head ? parser.head : nil
  }

  @Test(
    "the body is framed by the one length or by chunked",
    arguments: [
      ("", .none), ("Content-Length: 0\r\n", .length(0)), ("content-length:00012 \r\n", .length(12)),
      ("Content-Length: 9223372036854775807\r\n", .length(Int.max)), ("Transfer-Encoding: chunked\r\n", .chunked),
      ("TRANSFER-ENCODING:CHUNKED\r\n", .chunked), ("X-Content-Length: 5\r\nContent-Lengthy: 5\r\n", .none),
      ("Content-Lengtg: 5\r\nTransfer-Encodinh: x\r\n", .none),
    ] as [(String, RequestHead.Framing)])
  func framing(lines: String, framing: RequestHead.Framing) {
    #expect(head(lines)?.framing == framing)
  }

  @Test(
    "HTTP/1.1 keeps the connection unless told to close, HTTP/1.0 closes it unless told to keep",
    arguments: [
      ("", true, false), ("Connection: close\r\n", false, false), ("Connection: keep-alive\r\n", true, true),
      ("connection: Keep-Alive, Close\r\n", false, false), ("Connection: te,\t ,keep-alive\r\n", true, true),
      ("Connection: te\r\nConnection: close\r\n", false, false), ("Connection: closed\r\n", true, false),
      ("Connection: keep-alive\r\nConnection: close\r\n", false, false), ("Connection:\r\n", true, false),
      ("Connection: \"close\"\r\n", true, false), ("Proxy-Connection: keep-alive\r\n", true, false),
    ])
  func keepsAlive(lines: String, inMinor1: Bool, inMinor0: Bool) {
    #expect(head(lines)?.keepsAlive == inMinor1)
    #expect(head(lines, minor: 0)?.keepsAlive == inMinor0)
  }

  @Test(
    "only 100-continue is an expectation that anybody waits for, and only in HTTP/1.1",
    arguments: [
      ("", false), ("Expect: 100-continue\r\n", true), ("expect: a, 100-CONTINUE\r\n", true),
      ("Expect: 100-continued\r\n", false), ("Expect:\r\n", false),
    ])
  func expects(lines: String, expected: Bool) {
    #expect(head(lines)?.expectsContinue == expected)
    #expect(head(lines, minor: 0)?.expectsContinue == false)
  }

  @Test("the host is the value of the Host header, empty or not, and nil without one")
  func host() {
    #expect(head("A: b\r\n")?.host == nil)
    #expect(head("Host:\r\n")?.host?.count == 0)
    #expect(head("A: b\r\nhost:  x.y:1 \r\n")?.host == ByteRange(start: 30, count: 5))
  }

  @Test("HTTP/1.2 to HTTP/1.9 are served as HTTP/1.1")
  func minorVersions() {
    #expect((0...9).map { head("", minor: $0)?.minorVersion } == [0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
  }
}
