// NginxTests.swift: the real nginx in front of a real upstream, asking weir through `auth_request`.
//
// nginx takes 401 and 403 for a denial and everything else for an error, so the location that asks says
// `deny_status=403`, and an error page makes the client's 429 of it with the headers that weir gave.

import Synchronization
import TestKit
import Testing

@Suite struct NginxTests {
  static let policies = """
    policies:
      - {name: per-client, match: {path: /api/**}, key: [ip], algorithm: fixed-window, limit: 3, period: \(forever)}
      - {name: writes, match: {path: /api/**, methods: [POST]}, algorithm: fixed-window, limit: 1, period: \(forever)}
      - {name: host, match: {host: other.example.com}, algorithm: fixed-window, limit: 2, period: \(forever)}
    """

  /// The gateway's own configuration, as an operator would write it; the upstream is a second server in the same nginx.
  static func configuration(weir: Address, port: UInt16, upstream: String) -> String {
    let server =
      switch weir {
      case .tcp: weir.text
      case .unix(let path): "unix:\(path)"
      }
    return """
      upstream weir { server \(server); keepalive 16; }
      server {
        listen unix:\(upstream);
        location / { return 200 "upstream $request_method $request_uri\\n"; }
      }
      server {
        listen 127.0.0.1:\(port);
        location / {
          auth_request /_weir;
          auth_request_set $weir_limit $upstream_http_x_ratelimit_limit;
          auth_request_set $weir_remaining $upstream_http_x_ratelimit_remaining;
          auth_request_set $weir_reset $upstream_http_x_ratelimit_reset;
          auth_request_set $weir_retry $upstream_http_retry_after;
          add_header X-RateLimit-Limit $weir_limit always;
          add_header X-RateLimit-Remaining $weir_remaining always;
          add_header X-RateLimit-Reset $weir_reset always;
          add_header Retry-After $weir_retry always;
          error_page 403 = @limited;
          proxy_pass http://unix:\(upstream):;
        }
        location @limited {
          add_header X-RateLimit-Limit $weir_limit always;
          add_header X-RateLimit-Remaining $weir_remaining always;
          add_header X-RateLimit-Reset $weir_reset always;
          add_header Retry-After $weir_retry always;
          return 429 "too many requests\\n";
        }
        location = /_weir {
          internal;
          proxy_pass http://weir/check?deny_status=403;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_pass_request_body off;
          proxy_set_header Content-Length "";
          proxy_set_header X-Forwarded-Uri $request_uri;
          proxy_set_header X-Forwarded-Method $request_method;
          proxy_set_header X-Forwarded-Host $host;
          proxy_set_header X-Forwarded-For $remote_addr;
        }
      }
      """
  }

  /// The client of an nginx that is trusted to say the client's address, so that addresses of one test do not mix.
  private func start(_ weir: WeirProcess) throws -> (nginx: ServerProcess, upstream: TemporaryDirectory) {
    let directory = try TemporaryDirectory()
    let nginx = try ServerProcess.nginx { port in
      Self.configuration(weir: weir.listen[0], port: port, upstream: directory.file("upstream-\(port)"))
    }
    return (nginx, directory)
  }

  @Test("the fourth of three allowed requests is a 429 with the headers at the client", arguments: [false, true])
  func fourth(overUnixSocket: Bool) throws {
    let directory = try TemporaryDirectory()
    let listen = overUnixSocket ? "unix:\(directory.file("weir"))?mode=0666" : "127.0.0.1:0"
    let weir = try WeirProcess(Self.policies, listen: [listen])
    let (nginx, upstream) = try start(weir)
    defer { _ = upstream }
    let client = try HTTPClient(nginx.address)
    for remaining in [2, 1, 0] {
      let response = try client.request("GET", "/api/items?x=1")
      #expect(response.status == 200)
      #expect(response.text == "upstream GET /api/items?x=1\n")
      #expect(response.int("X-RateLimit-Limit") == 3)
      #expect(response.int("X-RateLimit-Remaining") == remaining)
      #expect(response["X-RateLimit-Reset"] != nil)
      #expect(response["Retry-After"] == nil)
    }
    let denied = try client.request("GET", "/api/items?x=1")
    #expect(denied.status == 429)
    #expect(denied.int("X-RateLimit-Limit") == 3)
    #expect(denied.int("X-RateLimit-Remaining") == 0)
    #expect((denied.int("Retry-After") ?? 0) >= 1)
    #expect(denied["X-RateLimit-Reset"] != nil)
    #expect(try client.request("GET", "/elsewhere").status == 200)
    #expect(try weir.metric("weir_decisions_total", ["policy": "per-client", "outcome": "denied"]) == 1)
  }

  @Test("a request with a body is decided on its headers and reaches the upstream whole")
  func bodies() throws {
    let weir = try WeirProcess(Self.policies)
    let (nginx, upstream) = try start(weir)
    defer { _ = upstream }
    let client = try HTTPClient(nginx.address)
    let body = String(repeating: "x", count: 200_000)
    let first = try client.request(
      "POST", "/api/upload", [("X-Forwarded-Uri", "/free"), ("X-Domain", "x")], body: body)
    #expect(first.status == 200)
    #expect(first.int("X-RateLimit-Remaining") == 0)
    #expect(try client.request("POST", "/api/upload?deny_status=429", body: body).status == 429)
    #expect(try client.request("GET", "/api/upload").status == 200)
  }

  @Test("method, host and raw target of the client reach weir, whatever the client puts into the headers")
  func forwarded() throws {
    let weir = try WeirProcess(Self.policies)
    let (nginx, upstream) = try start(weir)
    defer { _ = upstream }
    let client = try HTTPClient(nginx.address)
    let faked = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", "x"), ("X-Forwarded-For", "192.0.2.1")]
    #expect(try client.request("GET", "/a", [("Host", "other.example.com:80")] + faked).int("X-RateLimit-Limit") == 2)
    #expect(try client.request("GET", "/x?%00=%zz%ff", faked).status == 200)
    #expect(try client.request("GET", "//api/./x", faked).int("X-RateLimit-Remaining") == 2)
    #expect(try client.request("HEAD", "/api/x", faked).int("X-RateLimit-Remaining") == 1)
    let old = try HTTPClient(nginx.address)
    try old.send("GET /api/x HTTP/1.0\r\n\r\n")
    #expect(try old.response().int("X-RateLimit-Remaining") == 0)
  }

  @Test("many clients at once never get more than the limit, over connections that nginx keeps")
  func concurrent() throws {
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 200, period: \(forever)}]")
    let (nginx, upstream) = try start(weir)
    defer { _ = upstream }
    let allowed = Atomic(0)
    try concurrently(8) { _ in
      let client = try HTTPClient(nginx.address)
      for _ in 0..<50 {
        switch try client.request("GET", "/x").status {
        case 200: allowed.add(1, ordering: .relaxed)
        case 429: break
        case let other: throw NeverHappened(description: "status \(other)")
        }
      }
    }
    #expect(allowed.load(ordering: .relaxed) == 200)
  }
}
