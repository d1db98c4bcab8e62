// GatewaysNginxTests.swift: what only nginx does: redirects inside, and statuses of its own.

import TestKit
import Testing

@Suite struct GatewaysNginxTests {
  /// Locations beside that of the example.
  private static func locations(_ text: String) -> [Gateway.Edit] {
    [Gateway.Edit(file: "nginx.conf", line: "        location / {", by: text + "\n        location / {")]
  }

  @Test("one request is one check, also where nginx redirects it inside")
  func redirects() async throws {
    try await aside {
      let weir = try WeirProcess(
        "policies: [{name: a, key: path, algorithm: fixed-window, limit: 2, period: \(forever)}]")
      let service = try HTTPStub { request in
        guard request.target == "/accel" else { return .status(200, body: request.target) }
        return .status(200, [("X-Accel-Redirect", "/inside")])
      }
      let gateway = try Gateway.nginx.start(
        weir: weir.listen[0], service: service.address,
        edits: Self.locations(
          """
                  error_page 502 /sorry;
                  location /broken { proxy_pass http://127.0.0.1:9; }
                  location /tried { try_files /none @tried; }
                  location @tried { proxy_pass http://127.0.0.1:\(service.address.port); }
                  location /inside { internal; proxy_pass http://127.0.0.1:\(service.address.port); }
          """))
      let client = try HTTPClient(gateway.address)
      let redirected = [("/broken", 502, "/sorry"), ("/tried", 200, "/tried"), ("/accel", 200, "/inside")]
      for (target, status, text) in redirected {
        for remaining in [1, 0] {
          let response = try client.request("GET", target)
          #expect(response.status == status, "\(target)")
          #expect(response.text == text, "\(target)")
          #expect(response.count(of: "X-RateLimit-Remaining") == 1, "\(target)")
          #expect(response.int("X-RateLimit-Remaining") == remaining, "\(target)")
        }
        #expect(try client.request("GET", target).status == 429, "\(target)")
      }
      #expect(try weir.metric("weir_checks_total") == 9)
    }
  }

  @Test("nginx's own 403 and 401 stay what they are, and ask nobody; auth_request off leaves a path out")
  func ownStatuses() async throws {
    try await aside {
      let check = try HTTPStub(ignoresBodies: true) { _ in .status(403, [("Retry-After", "7")]) }
      let service = try HTTPStub.service()
      let gateway = try Gateway.nginx.start(
        weir: check.address, service: service.address,
        edits: Self.locations(
          """
                  location /denied { deny all; }
                  location /basic { auth_basic realm; auth_basic_user_file /dev/null; }
                  location /free { auth_request off; proxy_pass http://127.0.0.1:\(service.address.port); }
          """))
      let client = try HTTPClient(gateway.address)
      let denied = try client.request("GET", "/denied")
      #expect(denied.status == 403)
      #expect(denied["Retry-After"] == nil)
      let basic = try client.request("GET", "/basic")
      #expect(basic.status == 401)
      #expect(basic["WWW-Authenticate"] != nil)
      #expect(try client.request("GET", "/free").isFromService)
      #expect(check.requests.isEmpty)
      #expect(try client.request("GET", "/").status == 429)
    }
  }

  @Test("a body is as large as the location allows, whatever the server's own limit")
  func largeBodies() async throws {
    try await aside {
      let setup = try GatewaySetup(
        .nginx, plenty,
        edits: Self.locations(
          "        location /upload { client_max_body_size 50m; proxy_pass http://127.0.0.1:8080; }"))
      let body = String(repeating: "0123456789", count: 200_000)
      #expect(try setup.client().request("POST", "/upload", body: body).text == "POST /upload 2000000")
      #expect(try setup.client().request("POST", "/", body: body).status == 413)
      #expect(setup.service.requests.count == 1)
    }
  }

  /// Connections to the service are kept: `proxy_bind`, which acts on new ones, does not see a request then.
  private static let keptService = [
    Gateway.Edit(
      file: "nginx.conf", line: "    server {",
      by: "    upstream kept { server 127.0.0.1:8080; keepalive 8; }\n    server {"),
    Gateway.Edit(file: "nginx.conf", line: "http://127.0.0.1:8080;", by: "http://kept;"),
    Gateway.Edit(file: "nginx.conf", line: "$connection_upgrade;", by: "\"\";"),
  ]

  @Test("with kept connections to the service other 2xx allow, but for the location in README.md")
  func keptService() async throws {
    try await aside {
      let lines = ["location / { try_files /_weir @service; }", "auth_request off;", "if ($weir_bind) { return 500; }"]
      let readme = try Gateway.nginx.readme
      for line in lines { #expect(readme.contains(line)) }
      let guarded = Gateway.Edit(
        file: "nginx.conf", line: "location / {", by: "\(lines[0])\nlocation @service {\n\(lines[1])\n\(lines[2])")
      for (edits, allows) in [(Self.keptService, true), (Self.keptService + [guarded], false)] {
        let check = try HTTPStub(ignoresBodies: true) { request in
          .status(request["X-Forwarded-Uri"] == "/" ? 200 : 204, [("X-RateLimit-Limit", "7")])
        }
        let service = try HTTPStub.service()
        let gateway = try Gateway.nginx.start(weir: check.address, service: service.address, edits: edits)
        for method in ["GET", "POST", "PUT"] {
          let allowed = try HTTPClient(gateway.address).request(method, "/", body: "body")
          #expect(allowed.text == "\(method) / 4")
          #expect(allowed.int("X-RateLimit-Limit") == 7)
          #expect(allowed.count(of: "X-RateLimit-Limit") == 1)
          let other = try HTTPClient(gateway.address).request(method, "/204", body: "body")
          #expect(other.isFromService == allows, "\(method)")
          #expect(other.status == (allows ? 200 : 500), "\(method)")
        }
        #expect(check.requests.count == 6)
      }
    }
  }

  @Test("the page that asks weir is none for clients")
  func hidden() async throws {
    try await aside {
      let setup = try GatewaySetup(.nginx, plenty)
      for target in ["/_weir", "/%5fweir", "//_weir", "/x/../_weir?deny_status=401"] {
        #expect(try setup.client().request("GET", target).status == 404, "\(target)")
      }
      #expect(setup.service.requests.isEmpty)
    }
  }
}
