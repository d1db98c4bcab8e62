// ConnectionTests.swift: many requests on one connection, in any pieces, and when it ends (RFC 9112 section 9).

import TestKit
import Testing

@Suite struct ConnectionTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 1000, period: \(forever)}]"

  @Test("a connection is kept for the next request")
  func keepAlive() throws {
    let client = try WeirProcess(Self.policies).client()
    for number in 1...50 {
      let response = try client.request("GET", "/check/a")
      #expect(response.int("X-RateLimit-Remaining") == 1000 - number)
      #expect(response.version == "HTTP/1.1")
      #expect(response["Connection"]?.lowercased() != "close")
    }
  }

  @Test("Connection: close is honoured", arguments: ["close", "Close", "te, close"])
  func close(value: String) throws {
    let client = try WeirProcess(Self.policies).client()
    #expect(try client.request("GET", "/check/a", [("Connection", value)]).closes)
    #expect(try client.isClosedByServer())
  }

  @Test("HTTP/1.0 closes after its answer, unless it asks to be kept, and then the answer says so")
  func http10() throws {
    let weir = try WeirProcess(Self.policies)
    let brief = try weir.client()
    try brief.send("GET /check/a HTTP/1.0\r\n\r\n")
    #expect(try brief.response().status == 200)
    #expect(try brief.isClosedByServer())

    let kept = try weir.client()
    for _ in 0..<3 {
      try kept.send("GET /check/a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
      let response = try kept.response()
      #expect(response.status == 200)
      #expect(response["Connection"]?.lowercased() == "keep-alive")
    }
  }

  @Test("a missing Host is accepted", arguments: ["1.0", "1.1"])
  func noHost(version: String) throws {
    let client = try WeirProcess(Self.policies).client()
    try client.send("GET /check/a HTTP/\(version)\r\n\r\n")
    #expect(try client.response().status == 200)
  }

  @Test("pipelined requests are answered in order")
  func pipelined() throws {
    let client = try WeirProcess(Self.policies).client()
    try client.send(String(repeating: HTTPClient.requestText("GET", "/check/a"), count: 1100))
    for number in 1...1100 {
      let response = try client.response()
      #expect(response.status == (number <= 1000 ? 200 : 429))
      #expect(response.int("X-RateLimit-Remaining") == max(0, 1000 - number))
    }
  }

  @Test("pipelined requests of both forms are answered in order")
  func pipelinedMix() throws {
    let client = try WeirProcess(Self.policies).client()
    let json = HTTPClient.requestText("POST", "/check", [("Content-Type", "application/json")], body: "{}")
    try client.send(
      HTTPClient.requestText("GET", "/check/a") + json + HTTPClient.requestText("GET", "/healthz") + json
        + HTTPClient.requestText("HEAD", "/check/a") + HTTPClient.requestText("GET", "/nowhere") + json)
    #expect(try client.response().int("X-RateLimit-Remaining") == 999)
    #expect(try client.response().json?["remaining"]?.int == 998)
    #expect(try client.response().status == 200)
    #expect(try client.response().json?["remaining"]?.int == 997)
    #expect(try client.response(toHead: true).int("X-RateLimit-Remaining") == 996)
    #expect(try client.response().status == 404)
    #expect(try client.response().json?["remaining"]?.int == 995)
  }

  @Test("a request may come in pieces of one byte")
  func dripped() throws {
    let client = try WeirProcess(Self.policies).client()
    let json = HTTPClient.requestText("POST", "/json/check", [("Content-Type", "application/json")], body: "{}")
    for byte in (HTTPClient.requestText("GET", "/check/a") + json).utf8 { try client.send([byte]) }
    #expect(try client.response().int("X-RateLimit-Remaining") == 999)
    #expect(try client.response().json?["remaining"]?.int == 998)
  }

  @Test("what was read is answered before the connection closes")
  func answeredBeforeClosing() throws {
    let weir = try WeirProcess(Self.policies)
    let halfClosed = try weir.client()
    try halfClosed.send(String(repeating: HTTPClient.requestText("GET", "/check/a"), count: 20))
    halfClosed.finishSending()
    for number in 1...20 { #expect(try halfClosed.response().int("X-RateLimit-Remaining") == 1000 - number) }
    #expect(try halfClosed.isClosedByServer())

    let failing = try weir.client()
    try failing.send(String(repeating: HTTPClient.requestText("GET", "/check/a"), count: 3) + "nonsense\r\n\r\n")
    for _ in 1...3 { #expect(try failing.response().status == 200) }
    #expect(try failing.response().status == 400)
    #expect(try failing.isClosedByServer())
  }

  @Test("a client that never reads its answers does not hold up others")
  func unreadAnswers() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--threads", "1"])
    let deaf = try HTTPClient(weir.listen[0], timeout: 1)
    let batch = String(repeating: HTTPClient.requestText("GET", "/check/a"), count: 2000)
    for _ in 0..<20 { if (try? deaf.send(batch)) == nil { break } }
    for _ in 0..<20 { #expect([200, 429].contains(try weir.request("GET", "/check/a").status)) }
  }
}
