// AdminAccessTests.swift: to whom the admin listener shows keys, and who may change them: no page of another site, no
// stranger's name for it, nobody without the token. A refused call changes nothing.

import TestKit
import Testing

@Suite struct AdminAccessTests {
  static let policies = KeyCallRefusalTests.policies
  static let block = #"{"policy": "per-user", "key": ["ann"], "for": "1h"}"#
  static let calls = ["/keys/reset", "/keys/grant", "/keys/block", "/keys/unblock"]

  /// A body that each call takes.
  static func body(_ call: String) -> String {
    switch call {
    case "/keys/grant": #"{"policy": "per-user", "key": ["ann"], "amount": 1, "for": "1h"}"#
    case "/keys/block": block
    case "/explain": "{}"
    default: #"{"policy": "per-user", "key": ["ann"]}"#
    }
  }

  /// The order for ann, asked in a way that nobody refuses.
  private func order(_ weir: WeirProcess) throws -> JSON? { try weir.order("policy=per-user&key=ann") }

  @Test("what a page of another site can send is refused, and changes nothing")
  func otherSites() throws {
    let weir = try WeirProcess(Self.policies)
    for call in Self.calls + ["/explain"] {
      let body = Self.body(call)
      for type in [[], [("Content-Type", "text/plain")], [("Content-Type", "application/x-www-form-urlencoded")]] {
        #expect(try weir.asked("POST", call, [ownHost] + type, body: body).status == 415, "\(call)")
      }
      #expect(try weir.call(call, body, [("Sec-Fetch-Site", "cross-site")]).status == 403, "\(call)")
      #expect(try weir.call(call, body, [("Origin", "http://evil.example")]).status == 403, "\(call)")
      #expect(try weir.call(call, body, [("Origin", "null")]).status == 403, "\(call)")
      let foreign = try weir.asked("POST", call, [("Host", "evil.example:7430"), jsonType], body: body)
      #expect(foreign.status == 421 && foreign["Content-Type"] == "application/problem+json", "\(call)")
    }
    for page in ["/keys?policy=per-user&key=ann", "/keys/top"] {
      #expect(try weir.asked("GET", page, [("Host", "evil.example")]).status == 421, "\(page)")
      #expect(try weir.asked("GET", page, [ownHost, ("Sec-Fetch-Site", "same-site")]).status == 403, "\(page)")
    }
    #expect(try order(weir) == .null && !weir.events.contains { $0["event"]?.string?.hasPrefix("key ") == true })
    // The page's own requests, and those of a program.
    let own = [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://localhost")]
    #expect(try weir.call("block", Self.block, own).status == 200)
    #expect(
      try weir.asked("POST", "/keys/unblock", [("Host", "127.0.0.1:7430"), jsonType], body: Self.body("")).status == 200
    )
  }

  @Test("health and metrics are there for any Host, as kubelets and Prometheus send them")
  func openPages() throws {
    for arguments in [[], ["--admin", "0.0.0.0:0"]] {
      let weir = try WeirProcess(Self.policies, arguments: arguments)
      for page in ["/metrics", "/healthz", "/readyz", "/health", "/"] {
        #expect(try weir.asked("GET", page, [("Host", "weir.example:7430")]).status == 200, "\(page)")
      }
    }
  }

  @Test("where the admin listener is not on loopback and has no token file, changes are 403 and reading passes")
  func notLoopback() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--admin", "0.0.0.0:0"])
    for call in Self.calls {
      let answer = try weir.call(call, Self.body(call), [("Authorization", "Bearer anything")])
      #expect(answer.status == 403 && answer.text.contains("--admin-token-file"), "\(call)")
    }
    #expect(try order(weir) == .null)
    #expect(try weir.asked("GET", "/keys/top", [ownHost]).status == 200)
    #expect(try weir.call("/explain", "{}").status == 200)
    #expect(try weir.asked("GET", "/keys/top", [("Host", "evil.example")]).status == 421)
  }

  @Test(
    "with a token file changes need its token, anywhere; it can be exchanged meanwhile",
    arguments: ["0.0.0.0:0", "[::1]:0"])
  func token(admin: String) throws {
    let files = try TemporaryDirectory()
    try files.write("token", "s3cret\n")
    let weir = try WeirProcess(
      Self.policies, arguments: ["--admin", admin, "--admin-token-file", files.file("token")])
    func bearer(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }
    for call in Self.calls {
      for headers in [[], bearer("wrong"), [("Authorization", "Basic s3cret")]] {
        let answer = try weir.call(call, Self.body(call), headers)
        #expect(answer.status == 401 && answer["WWW-Authenticate"] == "Bearer", "\(call)")
      }
    }
    #expect(try order(weir) == .null)
    for call in Self.calls { #expect(try weir.call(call, Self.body(call), bearer("s3cret")).status == 200, "\(call)") }
    #expect(try weir.call("block", Self.block, bearer("s3cret") + [("Origin", "http://evil.example")]).status == 403)
    #expect(try weir.call("/explain", "{}").status == 200)
    // Whoever has the token may call it by any name.
    let other = [("Host", "weir.example"), jsonType]
    #expect(try weir.asked("POST", "/keys/reset", other + bearer("s3cret"), body: Self.body("")).status == 200)

    try files.replace("token", "another\n")
    #expect(try weir.call("block", Self.block, bearer("s3cret")).status == 401)
    #expect(try weir.call("block", Self.block, bearer("another")).status == 200)
    try files.remove("token")
    #expect(try weir.call("unblock", Self.body(""), bearer("another")).status == 503)
    #expect(try weir.asked("GET", "/metrics", []).status == 200)
    #expect(!weir.standardError.contains("s3cret") && !weir.standardError.contains("another"))
  }

  @Test("a token file without a token ends the start", arguments: ["", "\n", " \nsecond", "t\u{e9}"])
  func badTokenFile(text: String) throws {
    let files = try TemporaryDirectory()
    try files.write("token", text)
    try files.write("test.yaml", Self.policies)
    let (status, _, errors) = try WeirProcess.run([
      "serve", "--policies", files.file("test.yaml"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
      "--admin-token-file", files.file("token"),
    ])
    #expect(
      status == .exited(1) && errors.contains("--admin-token-file \(files.file("token")): its first line is no token"))
  }
}
