// GatewayBodyTests.swift: gateways announce bodies that they never send, send bodies that nobody needs, and pass on what
// clients ask of the real server. The decision is made on the headers.

import TestKit
import Testing

@Suite struct GatewayBodyTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 100, period: \(forever)}]"

  @Test(
    "a body that is announced and not sent is not waited for: the answer comes, and the connection closes",
    arguments: [
      "Content-Length: 5", "Content-Length: 1000000000000", "Transfer-Encoding: chunked",
      "Content-Length: 70000\r\nContent-Type: application/json\r\nX-Forwarded-For: 192.0.2.1",
      "Content-Length: 9\r\nExpect: 100-continue",
    ])
  func announced(headers: String) throws {
    let client = try WeirProcess(Self.policies).client()
    try client.send("POST /check/upload HTTP/1.1\r\nHost: t\r\n\(headers)\r\n\r\n")
    let response = try client.response()
    #expect(response.status == 200)
    #expect(response.int("X-RateLimit-Remaining") == 99)
    #expect(response.closes)
    #expect(try client.isClosedByServer())
  }

  @Test("a body that came with its head is dropped, whatever it looks like, and the connection goes on")
  func sent() throws {
    let client = try WeirProcess(Self.policies).client()
    let inner = "GET /check/smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
    try client.send(HTTPClient.requestText("POST", "/check/a", body: inner))
    #expect(try client.response().int("X-RateLimit-Remaining") == 99)
    let size = String(inner.utf8.count, radix: 16)
    try client.send(
      "POST /check/a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "\(size);note=1\r\n\(inner)\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n")
    #expect(try client.response().int("X-RateLimit-Remaining") == 98)
    #expect(try client.request("GET", "/check/a").int("X-RateLimit-Remaining") == 97)
  }

  @Test("a large body that comes at once does no harm")
  func large() throws {
    let weir = try WeirProcess(Self.policies)
    let client = try weir.client()
    // The server may close while this is being sent: what counts is that it answers.
    try? client.send(HTTPClient.requestText("POST", "/check/a", body: String(repeating: "x", count: 3_000_000)))
    #expect(try client.response().status == 200)
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 98)
  }

  @Test(
    "no interim answer, no switch of protocols, no compression, whatever the client asks for",
    arguments: [
      [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
      [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
      [("Expect", "100-continue")], [("Expect", "nonsense")], [("TE", "trailers, deflate")],
      [("Accept-Encoding", "gzip, br")], [("Range", "bytes=0-1")], [("If-None-Match", "*")],
    ])
  func ignored(headers: [(String, String)]) throws {
    let client = try WeirProcess(Self.policies).client()
    let response = try client.request("GET", "/check/a", headers)
    #expect(response.status == 200)
    #expect(response["Content-Length"] == "0")
    #expect(response["Content-Encoding"] == nil)
    #expect(response["Upgrade"] == nil)
    #expect(!client.hasInput(within: 100))
  }

  @Test(
    "any method token is a check",
    arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "x-own", "!#$%&'*+-.^_`|~"])
  func methods(method: String) throws {
    #expect(try WeirProcess(Self.policies).request(method, "/check/a").status == 200)
  }

  @Test("a client cannot cause any answer but 200 and the denial through what a gateway passes on")
  func nothingElse() throws {
    let weir = try WeirProcess(Self.policies)
    let odd: [(String, String)] = [
      ("X-Forwarded-Uri", "%"), ("X-Forwarded-Uri", "%00%zz?%=&&=%ff"), ("X-Forwarded-Uri", ""),
      ("X-Forwarded-Uri", "*"), ("X-Forwarded-Uri", "http://"), ("X-Forwarded-Uri", "http://[::1"),
      ("X-Forwarded-Uri", String(repeating: "/..", count: 2000)),
      ("X-Forwarded-Uri", "/" + String(repeating: "a", count: 20_000)),
      ("X-Forwarded-Uri", "/?" + String(repeating: "a&", count: 10_000)), ("X-Forwarded-Method", ""),
      ("X-Forwarded-Method", "no token \u{7f}"), ("X-Forwarded-Host", ":::"), ("X-Forwarded-Host", ""),
      ("X-Forwarded-For", "unknown, _hidden, 999.1.1.1"), ("X-Forwarded-For", ""), ("Content-Type", "application/json"),
      ("Cookie", String(repeating: "c=1; ", count: 8000)), ("Accept", "\u{1}\u{2}\t"), ("Date", "never"),
    ]
    for header in odd {
      let response = try weir.request("POST", "/check", [header, ("X-Forwarded-Proto", "https")], body: "{")
      #expect(response.status == 200, "\(header.0): \(header.1.prefix(60))")
    }
  }
}
