// JSONErrorTests.swift: what the JSON form refuses, and that it says what and where.

import TestKit
import Testing

@Suite struct JSONErrorTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 100, period: \(forever)}]"

  static let refused: [String] = [
    "", " ", "{", "}", "[]", "null", "1", "\"x\"", "{} {}", "{}x", "{'a': 1}", "{\"cost\": 1,}", "{\"cost\": 01}",
    #"{"cost": -1}"#, #"{"cost": 1.5}"#, #"{"cost": 1e3}"#, #"{"cost": "1"}"#, #"{"cost": true}"#,
    #"{"cost": 1000000001}"#, #"{"cost": 99999999999999999999999}"#, #"{"cost": NaN}"#, #"{"cost": [1]}"#,
    #"{"cost": 1, "cost": 1}"#, #"{"attributes": {}, "attributes": {}}"#, #"{"attributes": {"a": "1", "a": "1"}}"#,
    #"{"costs": 1}"#, #"{"Cost": 1}"#, #"{"domain": 1}"#, #"{"domain": "No Name"}"#, #"{"domain": ""}"#,
    #"{"domain": "\#(String(repeating: "d", count: 65))"}"#, #"{"attributes": []}"#, #"{"attributes": "x"}"#,
    #"{"attributes": {"plan": 1}}"#, #"{"attributes": {"plan": null}}"#, #"{"attributes": {"plan": ["a"]}}"#,
    #"{"attributes": {"Plan": "a"}}"#, #"{"attributes": {"": "a"}}"#, #"{"attributes": {"1a": "a"}}"#,
    #"{"attributes": {"header.": "a"}}"#, #"{"attributes": {"header.a b": "a"}}"#,
    #"{"attributes": {"ip": "nonsense"}}"#, #"{"attributes": {"plan": "\ud800"}}"#,
    String(repeating: "[", count: 5000), #"{"attributes": "# + String(repeating: #"{"a":"#, count: 3000),
  ]

  @Test("a body that is not exactly such an object is a 400 problem, spends nothing, and the connection goes on")
  func malformed() throws {
    let weir = try WeirProcess(Self.policies)
    let client = try weir.client()
    for body in Self.refused {
      let response = try client.request("POST", "/check", [("Content-Type", "application/json")], body: body)
      #expect(response.status == 400, "\(body.prefix(80))")
      #expect(response["Content-Type"] == "application/problem+json", "\(body.prefix(80))")
      #expect(response.json?["type"]?.string == "about:blank", "\(body.prefix(80))")
      #expect(response.json?["status"]?.int == 400, "\(body.prefix(80))")
      #expect(response.json?["title"]?.string == "Bad Request", "\(body.prefix(80))")
      #expect(response.json?["detail"]?.string?.isEmpty == false, "\(body.prefix(80))")
    }
    #expect(try weir.look() == 100)
  }

  @Test("a body in invalid UTF-8 is a 400")
  func invalidUTF8() throws {
    let client = try WeirProcess(Self.policies).client()
    let body = Array(#"{"attributes": {"plan": ""#.utf8) + [0xff, 0xfe] + Array(#""}}"#.utf8)
    let head = "POST /check HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
    try client.send(Array(head.utf8) + body)
    #expect(try client.response().status == 400)
  }

  @Test(
    "the detail names the member that is wrong",
    arguments: [(#"{"costs": 1}"#, "costs"), (#"{"cost": -1}"#, "cost")])
  func detail(body: String, word: String) throws {
    let response = try WeirProcess(Self.policies).json(body)
    #expect(response.json?["detail"]?.string?.contains(word) == true)
  }

  @Test("any string is a value, escaped or not, also an empty one, up to the size of a body")
  func anyValue() throws {
    let weir = try WeirProcess("policies: [{name: a, key: [v], algorithm: token-bucket, limit: 9, period: \(forever)}]")
    let long = String(repeating: "v", count: 60_000)
    let values = ["", " ", #"\""#, #"\\"#, #"\n\u0001"#, "\u{e9}\u{1F30A}", #"\ud83c\udf0a!"#, long]
    for value in values {
      let response = try weir.json(#"{"attributes": {"v": "\#(value)"}}"#)
      #expect(response.json?["remaining"]?.int == 8, "\(value.prefix(40))")
    }
  }

  @Test("a body above 64 KiB is 413, announced or sent", arguments: ["/check", "/json/check"])
  func tooLarge(target: String) throws {
    let weir = try WeirProcess(Self.policies)
    let announced = try weir.client()
    try announced.send("POST \(target) HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 65537\r\n\r\n")
    #expect(try announced.response().status == 413)

    let sent = try weir.client()
    let padding = String(repeating: " ", count: 65_535)
    try? sent.send(HTTPClient.requestText("POST", target, [("Content-Type", "application/json")], body: padding + "{}"))
    #expect(try sent.response().status == 413)

    let chunked = try weir.client()
    let head = "POST \(target) HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    try? chunked.send(head + "10001\r\n" + padding + "{}\r\n0\r\n\r\n")
    #expect(try chunked.response().status == 413)

    #expect(try weir.json(String(padding.dropLast()) + "{}", to: target).status == 200)
  }

  @Test("a chunked body is read like any other")
  func chunked() throws {
    let client = try WeirProcess(Self.policies).client()
    try client.send(
      "POST /check HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "4\r\n{\"co\r\n1;x=\"y\"\r\ns\r\n6\r\nt\": 3}\r\n0\r\nA: b\r\n\r\n")
    #expect(try client.response().json?["remaining"]?.int == 97)
    try client.send(
      "POST /check HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "zz\r\n{}\r\n0\r\n\r\n")
    #expect(try client.response().status == 400)
    #expect(try client.isClosedByServer())
  }

  @Test("/json/check without the content type is 415, with another method 405 with Allow")
  func typeAndMethod() throws {
    let weir = try WeirProcess(Self.policies)
    #expect(try weir.request("POST", "/json/check", body: "{}").status == 415)
    #expect(try weir.request("POST", "/json/check", [("Content-Type", "text/plain")], body: "{}").status == 415)
    let response = try weir.request("GET", "/json/check", [("Content-Type", "application/json")])
    #expect(response.status == 405)
    #expect(response["Allow"] == "POST")
    #expect(response["Content-Type"] == "application/problem+json")
    #expect(try weir.request("POST", "/json/check/x", [("Content-Type", "application/json")], body: "{}").status == 404)
  }

  @Test("all other answers are problems too")
  func problems() throws {
    let response = try WeirProcess(Self.policies).request("GET", "/nowhere")
    #expect(response.status == 404)
    #expect(response["Content-Type"] == "application/problem+json")
    #expect(response.json?["type"]?.string == "about:blank")
    #expect(response.json?["title"]?.string == "Not Found")
    #expect(response.json?["status"]?.int == 404)
  }

  @Test("Expect: 100-continue gets its 100, then the answer")
  func expectContinue() throws {
    let client = try WeirProcess(Self.policies).client()
    try client.send(
      "POST /check HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
    #expect(try client.response().status == 100)
    try client.send(#"{"cost": 2}"#)
    #expect(try client.response().json?["remaining"]?.int == 98)
    #expect(try client.request("GET", "/check/a").int("X-RateLimit-Remaining") == 97)
  }
}
