// RedisOrdersTests.swift: orders and resets of keys in Redis: all weirs obey, whoever was asked.

import TestKit
import Testing

@Suite struct RedisOrdersTests {
  static let policies = """
    policies:
      - {name: per-user, match: {path: /a/**}, key: [header.user], missing: share, algorithm: fixed-window, limit: 3, \
    period: 1d, on_store_failure: deny}
      - {name: spare, match: {path: /m/**}, key: [header.user], missing: share, algorithm: fixed-window, limit: 3, \
    period: 1d}

    """

  @Test("three weirs obey a grant, a block and its end, whichever of them is told")
  func all() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(3, Self.policies, redis: redis.url)
    for _ in 0..<3 { #expect(try weirs[0].status(of: "ann") == 200) }
    for weir in weirs { #expect(try weir.status(of: "ann") == 429) }

    #expect(try weirs[0].word("grant", "ann", #","amount":3,"for":"10m""#).status == 200)
    for weir in weirs {
      try eventually("one more passes") { try weir.status(of: "ann") == 200 }
      #expect(try weir.state(of: "ann")?["limit"]?.int == 6)
    }
    for weir in weirs { #expect(try weir.status(of: "ann") == 429, "three more, not three each") }

    #expect(try weirs[1].word("block", "ann", #","for":"10m","note":"noisy""#).status == 200)
    for weir in weirs {
      try weir.waitForOrder("block", "ann")
      #expect(try weir.status(of: "ann") == 429 && weir.status(of: "bob") == 200)
    }
    #expect(try weirs[2].word("unblock", "ann").status == 200)
    for weir in weirs {
      try weir.waitForOrder(nil, "ann")
      #expect(try weir.state(of: "ann")?["limit"]?.int == 3)
    }
    #expect(try redis.keysWithoutExpiry() == [])
    for weir in weirs { #expect(weir.redisComplaints == []) }
  }

  @Test("whoever asks the weir that was told finds the change at once, in its state and in its checks")
  func atOnce() throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(Self.policies, redis: redis.url, arguments: patient + ["--threads", "3"])
    try weir.waitForHealth("healthy")
    for round in 0..<12 {
      let user = "user-\(round)"
      #expect(try weir.word("block", user, #","for":"10m""#).status == 200)
      #expect(try weir.state(of: user)?["order"]?["kind"]?.string == "block", "\(round)")
      // Connections are spread over the workers.
      for _ in 0..<6 { #expect(try weir.status(of: user) == 429, "\(round)") }
      #expect(try weir.word("grant", user, #","amount":7,"for":"10m""#).status == 200)
      #expect(try weir.state(of: user)?["order"]?["kind"]?.string == "grant" && weir.status(of: user) == 200)
      #expect(try weir.word("unblock", user).status == 200)
      #expect(try weir.state(of: user)?["order"] == .null)
      for _ in 0..<2 { #expect(try weir.status(of: user) == 200) }
      #expect(try weir.status(of: user) == 429)
      #expect(try weir.word("reset", user).json?["reset"]?.bool == true)
      for _ in 0..<3 { #expect(try weir.status(of: user) == 200, "\(round)") }
    }
  }

  @Test("a reset clears what a weir counted of the key while Redis was away, at the weir that is told and at others")
  func fallback() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(2, Self.policies, redis: redis.url)
    func spent(_ weir: WeirProcess) throws -> Int {
      var passed = 0
      while passed < 50, try weir.status(of: "ann", "/check/m/x") == 200 { passed += 1 }
      return passed
    }
    for weir in weirs {
      try eventually("each knows of the other") { try weir.metric("weir_live_weirs", ["domain": "default"]) == 2 }
    }
    try redis.kill()
    for weir in weirs {
      try weir.waitForHealth("degraded")
      #expect(try spent(weir) == 1 && weir.status(of: "ann", "/check/m/x") == 429)
    }
    try redis.restart()
    for weir in weirs { try weir.waitForHealth("healthy", within: 40) }
    #expect(try weirs[0].word("reset", "ann", policy: "spare").status == 200)
    // The other one hears of it within its next round, and of this block not before.
    #expect(try weirs[0].word("block", "eve", #","for":"10m""#, policy: "spare").status == 200)
    try weirs[1].waitForOrder("block", "eve", policy: "spare")
    for weir in weirs {
      try eventually("each knows of the other") { try weir.metric("weir_live_weirs", ["domain": "default"]) == 2 }
    }
    try redis.kill()
    for weir in weirs {
      try weir.waitForHealth("degraded")
      #expect(try spent(weir) == 1)
    }
  }

  @Test("a weir that may not read orders is degraded and says so once, and its checks go on counting in Redis")
  func forbidden() throws {
    let redis = try RedisServer()
    try redis.run("ACL", "SETUSER", "limits", "on", ">secret", "~weir:*", "+@all", "-hget")
    let weir = try WeirProcess(Self.policies, redis: "redis://limits:secret@\(redis.authority)")
    try weir.waitForHealth("healthy")
    #expect(try weir.word("block", "ann", #","for":"10m""#).status == 503, "it is done, and this weir cannot read it")
    try weir.waitForHealth("degraded")
    #expect(try weir.adminRequest("/health").text.contains("grants, blocks and resets of keys fail: permission"))
    try eventually("it was tried often") { try weir.redisErrors("permission") >= 8 }
    #expect(
      weir.redisComplaints.count == 1 && weir.redisComplaints[0].contains(#""failure":"permission""#),
      "\(weir.redisComplaints)")
    for _ in 0..<3 { #expect(try weir.status(of: "bob") == 200) }
    #expect(try weir.status(of: "bob") == 429 && weir.degradedDecisions() == 0)
    try redis.run("ACL", "SETUSER", "limits", "+hget")
    try weir.waitForHealth("healthy")
    try weir.waitForOrder("block", "ann")
    #expect(weir.redisComplaints.count == 1)
  }

  @Test("a weir that starts later obeys, and one that starts again")
  func later() throws {
    let redis = try RedisServer()
    let first = try WeirProcess(Self.policies, redis: redis.url)
    try first.waitForHealth("healthy")
    #expect(try first.word("block", "ann", #","for":"10m""#).status == 200)
    try first.terminate()
    let second = try WeirProcess(Self.policies, redis: redis.url)
    try second.waitForOrder("block", "ann")
    #expect(try second.status(of: "ann") == 429 && second.status(of: "bob") == 200)
  }

  @Test("an order ends for all at its time, and with it all that Redis holds of it")
  func ends() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(2, Self.policies, redis: redis.url)
    #expect(try weirs[0].word("block", "ann", #","for":"5s""#).status == 200)
    try weirs[1].waitForOrder("block", "ann")
    #expect(try weirs[1].status(of: "ann") == 429)
    for weir in weirs {
      try weir.waitForOrder(nil, "ann")
      #expect(try weir.status(of: "ann") == 200)
    }
    try eventually("its keys have gone") { try redis.keys("weir:orders:*") == [] }
  }

  @Test("a reset: all weirs forget the denials that they remember")
  func resets() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(2, Self.policies, redis: redis.url)
    for _ in 0..<3 { #expect(try weirs[0].status(of: "ann") == 200) }
    for weir in weirs { #expect(try weir.status(of: "ann") == 429) }
    let reset = try weirs[0].word("reset", "ann")
    #expect(reset.status == 200 && reset.json?["reset"]?.bool == true)
    for weir in weirs { try eventually("it passes again") { try weir.status(of: "ann") == 200 } }
    #expect(try weirs[0].word("reset", "nobody").json?["reset"]?.bool == false)
    #expect(try redis.keysWithoutExpiry() == [])
  }

  @Test("resets while checks run admit at most the limit once more each")
  func resetsUnderLoad() async throws {
    try await aside {
      let redis = try RedisServer()
      let weirs = try WeirProcess.fleet(2, Self.policies, redis: redis.url)
      let tally = Tally()
      let running = load(weirs, threads: 4, "/check/a/x", tally: tally)
      defer { try? running.stop() }
      for round in 1...8 {
        try eventually("the limit is used up") { tally[200] >= 3 * round }
        let answer = try weirs[round % 2].send("reset", #"{"policy":"per-user","key":null}"#)
        #expect(answer.json?["reset"]?.bool == true, "\(answer.text)")
      }
      try eventually("the last one is used up") { tally[200] >= 27 }
      try running.stop()
      #expect(tally[200] == 27 && tally.statuses == [200, 429], "\(tally.statuses)")
    }
  }

  @Test(
    "while Redis is away orders hold, words are 503 and change nothing; a Redis that comes back empty has no orders")
  func outage() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(2, Self.policies, redis: redis.url)
    #expect(try weirs[0].word("block", "ann", #","for":"10m""#, policy: "spare").status == 200)
    for weir in weirs { try weir.waitForOrder("block", "ann", policy: "spare") }
    try redis.kill()
    for weir in weirs {
      try weir.waitForHealth("degraded")
      #expect(try weir.status(of: "ann", "/check/m/x") == 429)
      #expect(try weir.status(of: "bob", "/check/m/x") == 200)
      for word in ["unblock", "reset"] {
        let answer = try weir.word(word, "ann", policy: "spare")
        #expect(answer.status == 503 && answer.text.contains("nothing has changed"), "\(answer.text)")
      }
      #expect(try weir.word("grant", "bob", #","amount":1,"for":"10m""#).status == 503)
      #expect(try weir.status(of: "ann", "/check/m/x") == 429)
    }
    try redis.restart()
    for weir in weirs {
      try weir.waitForHealth("healthy", within: 40)
      try weir.waitForOrder(nil, "ann", policy: "spare")
      #expect(try weir.status(of: "ann", "/check/m/x") == 200)
    }
  }

  @Test("a lost script and a key of another program do not keep orders from anybody")
  func damage() throws {
    let redis = try RedisServer()
    let weirs = try WeirProcess.fleet(2, Self.policies, redis: redis.url)
    try redis.run("SCRIPT", "FLUSH")
    #expect(try weirs[0].word("block", "ann", #","for":"10m""#).status == 200)
    try redis.run("SCRIPT", "FLUSH")
    try weirs[1].waitForOrder("block", "ann")
    #expect(try weirs[1].status(of: "ann") == 429)
    for key in try redis.keys("weir:orders:*") {
      try redis.run("DEL", key)
      try redis.run("SET", key, "hello", "EX", "600")
    }
    #expect(try weirs[0].word("block", "eve", #","for":"10m""#).status == 200)
    for weir in weirs {
      try weir.waitForOrder("block", "eve")
      #expect(try weir.status(of: "eve") == 429)
    }
    #expect(try redis.keysWithoutExpiry() == [])
    for weir in weirs { #expect(try weir.status(of: "bob") == 200) }
  }
}

extension WeirProcess {
  /// What a check of this user gets.
  fileprivate func status(of user: String, _ target: String = "/check/a/x") throws -> Int {
    try request("GET", target, [("user", user)]).status
  }

  /// A word to the admin listener about one user.
  func word(
    _ word: String, _ user: String, _ more: String = "", policy: String = "per-user"
  ) throws -> HTTPResponse {
    try send(word, #"{"policy":"\#(policy)","key":["\#(user)"]\#(more)}"#)
  }

  fileprivate func send(_ word: String, _ body: String) throws -> HTTPResponse {
    try HTTPClient(try #require(admin)).request(
      "POST", "/keys/\(word)", [("Content-Type", "application/json"), ("Host", "localhost")], body: body)
  }

  fileprivate func state(of user: String, policy: String = "per-user") throws -> JSON? {
    try HTTPClient(try #require(admin)).request(
      "GET", "/keys?policy=\(policy)&key=\(user)", [("Host", "localhost")]
    ).json
  }

  /// Waits until an order of this kind, or none, is in force here for this user.
  func waitForOrder(_ kind: String?, _ user: String, policy: String = "per-user") throws {
    try eventually("an order for \(user): \(kind ?? "none")") {
      guard let order = try state(of: user, policy: policy)?["order"] else { return false }
      return kind.map { order["kind"]?.string == $0 } ?? (order == .null)
    }
  }
}
