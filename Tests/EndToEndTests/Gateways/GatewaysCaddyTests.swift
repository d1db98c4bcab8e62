// GatewaysCaddyTests.swift: Caddy with more in a site than weir: directives that refuse requests, before weir and behind.

import TestKit
import Testing

@Suite struct GatewaysCaddyTests {
  private static let login = """
    basic_auth /private/* {
      ann $2a$04$n7Nz8vi8rVCOWuKIiUag7u55nM7V9CplnrVuAjEa26pYIMKehuyFy
    }
    """
  /// What a browser sends for it.
  private static let password = ("Authorization", "Basic YW5uOnNlY3JldA==")

  private static func before(_ text: String) -> Gateway.Edit {
    Gateway.Edit(file: "Caddyfile", line: "\t\timport weir\n", by: "\(text)\n\t\timport weir\n")
  }

  private static func behind(_ text: String) -> Gateway.Edit {
    Gateway.Edit(file: "Caddyfile", line: "&(service) {\n", by: "&(service) {\n\(text)\n")
  }

  @Test("what another directive refuses before weir is asked stays so", arguments: Gateway.Variant.onTCP)
  func before(variant: Gateway.Variant) async throws {
    try await aside {
      let setup = try GatewaySetup(
        .caddy, plenty, variant, edits: [Self.before("\(Self.login)\nerror /gone 410\nerror /full 507")])
      for isDown in [false, true] {
        if isDown { try setup.weir.terminate() }
        let stranger = try setup.client().request("GET", "/private/a")
        #expect(stranger.status == 401, "down: \(isDown)")
        #expect(stranger["WWW-Authenticate"] != nil, "down: \(isDown)")
        #expect(try setup.client().request("GET", "/gone").status == 410, "down: \(isDown)")
        #expect(try setup.client().request("GET", "/full").status == 507, "down: \(isDown)")
        #expect(setup.service.requests.count == (isDown ? 1 : 0), "down: \(isDown)")
        let known = try setup.client().request("GET", "/private/a", [Self.password])
        #expect(known.status == (isDown && variant == .failClosed ? Gateway.statusOnFailure : 200), "down: \(isDown)")
      }
    }
  }

  @Test("what another directive refuses behind weir is refused without weir too", arguments: Gateway.Variant.onTCP)
  func behind(variant: Gateway.Variant) async throws {
    try await aside {
      let setup = try GatewaySetup(
        .caddy, plenty, variant,
        edits: [Self.behind("\(Self.login)\nerror /gone 410\nrequest_body /small {\nmax_size 4\n}")])
      #expect(try setup.client().request("GET", "/private/a").status == 401)
      #expect(try setup.client().request("GET", "/gone").status == 410)
      #expect(try setup.client().request("POST", "/small", body: "12345").status == 413)
      #expect(setup.service.requests.isEmpty)
      #expect(try setup.client().request("GET", "/private/a", [Self.password]).status == 200)
      #expect(try setup.weir.metric("weir_checks_total") == 4)

      try setup.weir.terminate()
      // Open, Caddy answers with the status of the error that it was handling.
      let status = variant == .failOpen ? 502 : Gateway.statusOnFailure
      #expect(try setup.client().request("GET", "/private/a").status == status)
      #expect(try setup.client().request("GET", "/gone").status == status)
      #expect(setup.service.requests.count == 1)
      let known = try setup.client().request("GET", "/private/a", [Self.password])
      #expect(known.isFromService == (variant == .failOpen))
    }
  }

  @Test("what Caddy refuses before the route is refused without weir too", arguments: Gateway.Variant.onTCP)
  func early(variant: Gateway.Variant) async throws {
    try await aside {
      let setup = try GatewaySetup(.caddy, plenty, variant)
      for isDown in [false, true] {
        if isDown { try setup.weir.terminate() }
        #expect(try setup.client().request("GET", "/", [("Host", "")]).status == 400, "down: \(isDown)")
        let method = String(repeating: "M", count: 40)
        #expect(try setup.client().request(method, "/").status == 405, "down: \(isDown)")
      }
      #expect(setup.service.requests.isEmpty)
    }
  }
}
