// GatewayMarkersTests.swift: what shows that a gateway stood between a client and this server. A body that a client
// wrote must then not be taken for a check.

import Testing

@testable import CheckAPI

@Suite struct GatewayMarkersTests {
  static let markers = [
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-", "X-Original-Uri", "X-Original-Method",
    "X-Real-IP", "Via", "X-Envoy-Internal", "X-Envoy-Expected-Rq-Timeout-Ms", "x-forwarded-uri", "VIA",
  ]
  static let strangers = [
    "X-Forwarded", "Forwarded-For", "X-Original", "X-Real-IPs", "Viator", "X-Envoy", "X-Request-Id", "User-Agent",
    "Accept", "X-Gateway-Uri", "XX-Envoy-A",
  ]

  @Test("each header of a gateway or proxy, also an empty one, makes a JSON post a gateway check", arguments: markers)
  func marked(name: String) {
    for value in ["1", ""] {
      let headers = [("Accept", "*/*"), ("Content-Type", "application/json"), (name, value)]
      let request = Request("POST", "/check", headers)
      #expect(RouterTests.Expected(request.route(), request) == .gateway())
    }
  }

  @Test("other headers do not", arguments: strangers)
  func unmarked(name: String) {
    #expect(Request("POST", "/check", [("Content-Type", "application/json"), (name, "1")]).route() == .json)
  }

  @Test("each of the four configured headers marks a gateway, under whatever name, besides the fixed ones")
  func configured() {
    let paths: [WritableKeyPath<APISettings, String>] = [
      \.targetHeader, \.methodHeader, \.hostHeader, \.clientIPHeader,
    ]
    for path in paths {
      var settings = APISettings()
      settings[keyPath: path] = "x-gateway-fact"
      let request = Request("POST", "/check", [("Content-Type", "application/json"), ("X-Gateway-Fact", "1")])
      #expect(request.route() == .json)
      #expect(RouterTests.Expected(request.route(settings), request) == .gateway())
      for name in Self.markers {
        let marked = Request("POST", "/check", [("Content-Type", "application/json"), (name, "1")])
        #expect(RouterTests.Expected(marked.route(settings), marked) == .gateway(), "\(name)")
      }
    }
  }
}
