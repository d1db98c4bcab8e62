// GatewaysHAProxyTests.swift: what only HAProxy does: a script that may fail, and headers that it joins.

import TestKit
import Testing

@Suite struct GatewaysHAProxyTests {
  @Test("where the script fails nothing passes, also where it fails open")
  func scriptError() async throws {
    try await aside {
      for variant in Gateway.Variant.onTCP {
        let check = try HTTPStub(ignoresBodies: true) { _ in .status(200) }
        let service = try HTTPStub.service()
        let gateway = try Gateway.haproxy.start(
          weir: check.address, service: service.address, variant,
          edits: [.init(file: "weir.lua", line: "local headers = check_headers(txn)", by: "local headers = nil + 1")])
        #expect(try HTTPClient(gateway.address).request("GET", "/").status == 503)
        #expect(service.requests.isEmpty)
      }
    }
  }

  @Test("a check that a client made too large is refused, not taken for no answer")
  func tooLarge() async throws {
    try await aside {
      let check = try HTTPStub(ignoresBodies: true) { _ in .status(429) }
      let service = try HTTPStub.service()
      let gateway = try Gateway.haproxy.start(weir: check.address, service: service.address, .failOpen)
      // HAProxy takes heads up to about 15 KiB. Around there the check, with its longer names, would be larger still.
      for bytes in stride(from: 14_800, to: 15_500, by: 10) {
        let response = try HTTPClient(gateway.address).request(
          "GET", "/", [("X-Api-Key", String(repeating: "k", count: bytes))])
        #expect([400, 429, 503].contains(response.status), "\(bytes): \(response.status)")
      }
      #expect(service.requests.isEmpty)
      #expect(!check.requests.isEmpty)
    }
  }

  @Test("several lines of a header reach weir as one")
  func joined() async throws {
    try await aside {
      let check = try HTTPStub(ignoresBodies: true) { _ in .status(200) }
      let service = try HTTPStub.service()
      let gateway = try Gateway.haproxy.start(weir: check.address, service: service.address)
      let client = try HTTPClient(gateway.address)
      #expect(try client.request("GET", "/", [("X-Api-Key", "a"), ("x-api-key", "b, c")]).status == 200)
      #expect(check.requests.first?["X-Api-Key"] == "a, b, c")
      #expect(try client.request("GET", "/", [("Host", "a,b")]).status == 200)
      #expect(check.requests.last?["X-Forwarded-Host"] == "a,b")
    }
  }
}
