// TopKeysTests.swift: who is being limited, as an operator reads it from a weir under traffic.

import TestKit
import Testing

@Suite struct TopKeysTests {
  static let policies = """
    policies:
      - {name: client, key: [header.x-id], missing: share, algorithm: token-bucket, limit: 2, period: \(forever)}
      - {name: tried, mode: shadow, key: [path], algorithm: token-bucket, limit: 1, period: \(forever)}
    """

  private func page(_ weir: WeirProcess, _ query: String = "") throws -> HTTPResponse {
    try HTTPClient(try #require(weir.admin)).request("GET", "/keys/top" + query, [("Host", "localhost")])
  }

  private func top(_ weir: WeirProcess, _ query: String = "") throws -> JSON {
    let response = try page(weir, query)
    #expect(response.status == 200)
    return try #require(response.json)
  }

  /// Keys of a list with their counts, in its order.
  private func counts(_ list: JSON?) -> [[JSON?]] {
    (list?.array ?? []).map { [$0["key"] ?? $0["hash"], $0["count"]] }
  }

  /// Ann asks six times, Bob three times, somebody without a name once; by several connections, so by several workers.
  private func ask(_ weir: WeirProcess) throws {
    for (name, times) in [("ann", 6), ("bob", 3)] {
      for _ in 0..<times { _ = try weir.client().request("GET", "/check/a", [("X-Id", name)]) }
    }
    _ = try weir.request("GET", "/check/a")
  }

  @Test("the most denied and most allowed keys of each policy, over all workers")
  func top() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--threads", "3"])
    try ask(weir)
    let text = try self.page(weir).text
    #expect(text.hasSuffix("}\n") && !text.hasSuffix("\n\n"))
    let page = try top(weir)
    let client = page["policies"]?[0]
    #expect(client?["policy"]?.string == "client" && client?["domain"]?.string == "default")
    #expect(
      counts(client?["denied"]) == [[.array([.string("ann")]), .int(4)], [.array([.string("bob")]), .int(1)]])
    #expect(Set(counts(client?["allowed"]).map { $0[1]?.int }) == [2, 1])
    #expect(counts(client?["allowed"]).contains { $0 == [.null, .int(1)] })
    #expect(client?["denied_total"]?.int == 5 && client?["allowed_total"]?.int == 5)
    // A shadow policy denies nobody: all ten checks are allowed, whatever it would have said.
    let tried = page["policies"]?[1]
    #expect(counts(tried?["denied"]) == [])
    #expect(counts(tried?["allowed"]) == [[.array([.string("/a")]), .int(10)]])
    #expect(page["untracked"]?.int == 0)
    let (since, until) = (page["since"]?.int ?? 0, page["until"]?.int ?? 0)
    #expect(since > 1_700_000_000 && until >= since && until - since <= 300)
  }

  @Test("of many who ask at once each gets all the workers' keys or a 503, and a block after them holds")
  func crowd() throws {
    // So much is allowed that only the block denies.
    let weir = try WeirProcess(
      Self.policies.replacing("limit: 2,", with: "limit: 1000,"), arguments: ["--threads", "2"])
    try ask(weir)
    let admin = try #require(weir.admin)
    let clients = try (0..<200).map { _ in try HTTPClient(admin) }
    for _ in 0..<3 {
      for client in clients { try client.send(HTTPClient.requestText("GET", "/keys/top", [("Host", "localhost")])) }
      for client in clients {
        let response = try client.response()
        if response.status == 503 { continue }
        #expect(response.status == 200)
        #expect(response.json?["policies"]?[0]?["allowed_total"]?.int == 10)
        #expect(response.json?["policies"]?[1]?["allowed_total"]?.int == 10)
      }
    }
    let block = try HTTPClient(admin).request(
      "POST", "/keys/block", [("Content-Type", "application/json"), ("Host", "localhost")],
      body: #"{"policy":"client","key":["eve"],"for":"10m"}"#)
    #expect(block.status == 200)
    // By connections of their own, so by both workers.
    for client in try (0..<20).map({ _ in try weir.client() }) {
      try eventually("the block holds") { try client.request("GET", "/check/a", [("X-Id", "eve")]).status == 429 }
    }
  }

  @Test("the query chooses policies and how many keys; what it does not know is refused")
  func query() throws {
    let weir = try WeirProcess(Self.policies)
    try ask(weir)
    #expect(try top(weir, "?policy=tried")["policies"]?.array?.count == 1)
    #expect(try top(weir, "?domain=other")["policies"]?.array?.count == 0)
    #expect(try counts(top(weir, "?policy=client&limit=1")["policies"]?[0]?["denied"]).count == 1)
    for wrong in ["?limit=0", "?limit=x", "?key=ann", "?policy=a&policy=b"] {
      #expect(try page(weir, wrong).status == 400, "\(wrong)")
    }
  }

  @Test("with --hash-keys nobody's name is shown, and one name has one hash")
  func hashed() throws {
    let weir = try WeirProcess(Self.policies, arguments: ["--hash-keys", "--threads", "3"])
    try ask(weir)
    let response = try page(weir)
    #expect(!response.text.contains("ann") && !response.text.contains("bob") && !response.text.contains(#""key""#))
    let client = response.json?["policies"]?[0]
    let denied = counts(client?["denied"])
    #expect(denied.map { $0[1]?.int } == [4, 1])
    #expect(denied.allSatisfy { $0[0]?.string?.hasPrefix("k:") == true })
    #expect(counts(client?["allowed"]).contains { $0[0] == denied[0][0] && $0[1]?.int == 2 })
  }

  @Test("checks that Redis decides count too, and those that its fallback does")
  func redis() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(
      Self.policies, arguments: ["--threads", "1", "--redis", redis.url, "--fallback-share", "off"] + patient)
    try weir.waitForHealth("healthy")
    try ask(weir)
    let client = try top(weir)["policies"]?[0]
    #expect(counts(client?["denied"]).first == [.array([.string("ann")]), .int(4)])
    #expect(client?["denied_total"]?.int == 5 && client?["allowed_total"]?.int == 5)
    try redis.kill()
    // Its memory knows nothing of ann yet: two more pass, and her checks stay one key's.
    for _ in 0..<4 { _ = try weir.request("GET", "/check/a", [("X-Id", "ann")]) }
    let after = try top(weir)["policies"]?[0]
    #expect(counts(after?["denied"]).first == [.array([.string("ann")]), .int(6)])
    #expect(after?["allowed_total"]?.int == 7)
  }
}
