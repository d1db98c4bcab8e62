// BadInputTests.swift: what no client should send. The answer arrives, the connection closes, and the next client is
// served as if nothing had happened.

import TestKit
import Testing

@Suite struct BadInputTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 1000, period: \(forever)}]"
  static let line = "GET /check/a HTTP/1.1\r\n"

  static let malformed: [String] = [
    "nonsense\r\n\r\n", "GET\r\n\r\n", "GET /check/a\r\n\r\n", "GET  /check/a HTTP/1.1\r\n\r\n",
    "GET /check/a  HTTP/1.1\r\n\r\n", "GET /check/a HTTP/1.1 \r\n\r\n", " GET /check/a HTTP/1.1\r\n\r\n",
    "GET /check/a b HTTP/1.1\r\n\r\n", "GET /check/a\u{1} HTTP/1.1\r\n\r\n", "GET /check/a\u{7f} HTTP/1.1\r\n\r\n",
    "GET /check/a\t HTTP/1.1\r\n\r\n", "G@T /check/a HTTP/1.1\r\n\r\n", "GET /check/a http/1.1\r\n\r\n",
    "GET /check/a HTTP/1\r\n\r\n", "GET /check/a HTTP/x.y\r\n\r\n", "GET /check/a HTTP/1.1x\r\n\r\n",
    "GET /check/a HTTP/1.1\n\n", line + "A: b\n\r\n", line + "A: b\r\r\n\r\n", line + "A: b\rc\r\n\r\n",
    line + "A: b\0c\r\n\r\n", line + "A\0: b\r\n\r\n", "GET /check/\0 HTTP/1.1\r\n\r\n",
    line + "A: b\r\n c\r\n\r\n", line + "A: b\r\n\tc\r\n\r\n", line + " A: b\r\n\r\n",
    line + "A : b\r\n\r\n", line + "A\t: b\r\n\r\n", line + ": b\r\n\r\n", line + "A b: c\r\n\r\n",
    line + "no colon\r\n\r\n", line + "A(: b\r\n\r\n", line + "Host: a\r\nHost: a\r\n\r\n",
    line + "Host: a\r\nhost: b\r\n\r\n", line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    line + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", line + "Content-Length: +1\r\n\r\nx",
    line + "Content-Length: -1\r\n\r\n", line + "Content-Length: 1 1\r\n\r\n", line + "Content-Length: 0x1\r\n\r\n",
    line + "Content-Length: \r\n\r\n", line + "Content-Length: 1, 1\r\n\r\nx",
    line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", line + "Content-Length: 99999999999999999999999\r\n\r\n",
    line + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    line + "Transfer-Encoding: chunked, identity\r\n\r\n", line + "Transfer-Encoding: \r\n\r\n",
    "GET /check/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /json/check HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
  ]

  @Test("malformed HTTP is 400, spends nothing, and the connection closes")
  func refused() throws {
    let weir = try WeirProcess(Self.policies)
    for text in Self.malformed {
      let client = try weir.client()
      try client.send(text)
      let response = try client.response()
      #expect(response.status == 400, "\(text.debugDescription)")
      #expect(response.closes, "\(text.debugDescription)")
      #expect(try client.isClosedByServer(), "\(text.debugDescription)")
    }
    #expect(try weir.look() == 1000)
  }

  @Test("the answer to a malformed request is a problem that says what is wrong")
  func problem() throws {
    let client = try WeirProcess(Self.policies).client()
    try client.send(Self.line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    let response = try client.response()
    #expect(response["Content-Type"] == "application/problem+json")
    #expect(response.json?["type"]?.string == "about:blank")
    #expect(response.json?["status"]?.int == 400)
    #expect(response.json?["detail"]?.string?.isEmpty == false)
  }

  @Test("other versions of HTTP are 505", arguments: ["GET / HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
  func versions(text: String) throws {
    let client = try WeirProcess(Self.policies).client()
    try client.send(text)
    #expect(try client.response().status == 505)
    #expect(try client.isClosedByServer())
  }

  @Test("a head above 64 KiB is 431, however it is made up", arguments: [1, 60_000])
  func largeHead(valueLength: Int) throws {
    let weir = try WeirProcess(Self.policies)
    let client = try weir.client()
    let header = "X: " + String(repeating: "v", count: valueLength) + "\r\n"
    try? client.send(Self.line + String(repeating: header, count: 66_000 / header.utf8.count + 1) + "\r\n")
    #expect(try client.response().status == 431)
    #expect(try client.isClosedByServer())
    let fits = String(repeating: header, count: max(1, 60_000 / header.utf8.count))
    let other = try weir.client()
    try other.send(Self.line + fits + "\r\n")
    #expect(try other.response().status == 200)
  }

  @Test("a target above 16 KiB is 414")
  func longTarget() throws {
    let weir = try WeirProcess(Self.policies)
    let client = try weir.client()
    try? client.send(HTTPClient.requestText("GET", "/check/" + String(repeating: "a", count: 16_400)))
    #expect(try client.response().status == 414)
    #expect(try client.isClosedByServer())
    #expect(try weir.request("GET", "/check/" + String(repeating: "a", count: 16_300)).status == 200)
  }

  @Test("an endless line is answered before it ends")
  func endless() throws {
    let weir = try WeirProcess(Self.policies)
    for start in ["GET /", Self.line + "X: ", String(repeating: "G", count: 10)] {
      let client = try weir.client()
      let chunk = String(repeating: "a", count: 8192)
      for index in 0..<40 { if (try? client.send(index == 0 ? start : chunk)) == nil { break } }
      #expect([400, 414, 431].contains(try client.response().status), "\(start.prefix(20))")
    }
  }

  @Test("a request that does not arrive within 10 s is 408, and an idle connection is left alone meanwhile")
  func slow() throws {
    let weir = try WeirProcess(Self.policies)
    let idle = try weir.client()
    #expect(try idle.request("GET", "/check/a").status == 200)
    let fresh = try weir.client()
    let parts = [
      "GET /check/a HT", Self.line + "X: y\r\n",
      "POST /check HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{",
      "POST /json/check HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{",
    ]
    let clients = try parts.map { part in
      let client = try weir.client()
      try client.send(part)
      return client
    }
    // Feeding it byte by byte does not win time.
    let dripping = try weir.client()
    let start = ContinuousClock.now
    try dripping.send("GET /check/a HTTP/1.1\r\nX: ")
    while ContinuousClock.now - start < .seconds(30), !dripping.hasInput(within: 200) { try? dripping.send("a") }
    #expect(try dripping.response().status == 408)
    for client in clients {
      #expect(try client.response().status == 408)
      #expect(try client.isClosedByServer())
    }
    #expect(ContinuousClock.now - start > .seconds(8))
    #expect(try idle.request("GET", "/check/a").status == 200)
    _ = fresh
  }

  @Test("random bytes neither crash it nor stall it")
  func random() throws {
    let weir = try WeirProcess(Self.policies)
    var generator = SystemRandomNumberGenerator()
    let seed = generator.next()
    var state = seed | 1
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    let alphabet = Array(
      "GET POST /check HTTP/1.1 1.0\r\n\r\n:, Content-Length: Transfer-Encoding: chunked{}[]\"%00".utf8)
    for _ in 0..<300 {
      let client = try HTTPClient(weir.listen[0], timeout: 5)
      let count = Int(next() % 400)
      let bytes = (0..<count).map { _ in
        let value = next()
        return value & 7 == 0
          ? UInt8(truncatingIfNeeded: value >> 8) : alphabet[Int((value >> 8) % UInt64(alphabet.count))]
      }
      try? client.send(bytes)
      if next() & 1 == 0 { client.finishSending() }
    }
    #expect(try weir.request("GET", "/check/a").status == 200, "seed \(seed)")
    #expect(weir.poll() == nil, "seed \(seed)")
  }

  @Test("clients that vanish at any point do no harm")
  func vanish() throws {
    let weir = try WeirProcess(Self.policies)
    let text = HTTPClient.requestText(
      "POST", "/json/check", [("Content-Type", "application/json")], body: #"{"cost": 0}"#)
    for end in stride(from: 0, through: text.utf8.count, by: 3) {
      let client = try weir.client()
      try client.send(Array(text.utf8.prefix(end)))
    }
    #expect(try weir.look() == 1000)
    #expect(weir.poll() == nil)
  }
}
