// RedisLoginTests.swift: how weir gets into its Redis, or does not: passwords, users, databases, sockets. What does not
// work is said once, with what to do and without the secret, and is not fatal: weir serves, degraded, until it is repaired.

import Foundation
import TestKit
import Testing

@Suite struct RedisLoginTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 100, period: \(forever)}]"
  /// Has what a URL must escape.
  static let secret = "s3cr3t/p@ss word"
  static let escaped = "s3cr3t%2Fp%40ss%20word"
  static let wrong = "wr0ng-s3cr3t"

  /// Asks one check and says whether Redis, and not this process, counted it.
  private func counts(_ weir: WeirProcess, _ redis: RedisServer, database: Int = 0) throws -> Bool {
    let answer = try weir.json("{}")
    guard answer.status == 200, answer.json?["degraded"] == nil else { return false }
    return try redis.keys("weir:*:default:a:*", database: database).count == 1
  }

  /// Every text that weir shows to anybody, except where the operator typed the secret.
  private func expectNoSecret(_ weir: WeirProcess, _ secrets: [String]) throws {
    var texts = [weir.standardError]
    for page in ["/health", "/metrics", "/policies", "/", "/readyz"] { texts.append(try weir.adminRequest(page).text) }
    texts.append(try weir.json("{}").text)
    for secret in secrets {
      for text in texts { #expect(!text.contains(secret), "\(secret) in \(text)") }
    }
  }

  /// A weir that starts all the same, and says why it has no Redis.
  private func degraded(_ url: String, _ arguments: [String] = [], says word: String) throws -> WeirProcess {
    // Where everything is logged, nothing secret is either.
    let weir = try WeirProcess(Self.policies, redis: url, arguments: arguments + patient + ["--log-level", "debug"])
    #expect(try weir.health() == "degraded")
    let answer = try weir.json("{}")
    #expect(answer.status == 200)
    #expect(answer.json?["degraded"]?.bool == true)
    // Time for a second attempt, which must not be a second complaint.
    pause(seconds: 0.5)
    #expect(weir.redisComplaints.count == 1, "\(weir.redisComplaints)")
    #expect(weir.redisComplaints.allSatisfy { $0.lowercased().contains(word) }, "\(weir.redisComplaints)")
    return weir
  }

  @Test("a password in the URL, escaped, with and without a user")
  func passwordInURL() throws {
    let redis = try RedisServer(password: Self.secret)
    try redis.run("ACL", "SETUSER", "limits", "on", ">\(Self.secret)", "~weir:*", "+@all")
    for user in ["", "default", "limits"] {
      let weir = try WeirProcess(Self.policies, redis: "redis://\(user):\(Self.escaped)@\(redis.authority)/0")
      try weir.waitForHealth("healthy")
      #expect(try counts(weir, redis), "user \(user)")
      try expectNoSecret(weir, [Self.secret, Self.escaped])
    }
  }

  @Test("a wrong password: degraded, said once, without the password; healed when the server has it")
  func wrongPassword() throws {
    let redis = try RedisServer(password: Self.secret)
    let weir = try degraded("redis://:\(Self.wrong)@\(redis.authority)", says: "password")
    #expect(try weir.redisErrors("auth") > 0)
    try expectNoSecret(weir, [Self.wrong])
    try redis.run("ACL", "SETUSER", "default", "resetpass", ">\(Self.wrong)")
    try weir.waitForHealth("healthy")
    #expect(try counts(weir, redis))
    try expectNoSecret(weir, [Self.wrong])
  }

  @Test("no password where one is needed: degraded, and healed when it is needed no more")
  func noPassword() throws {
    let redis = try RedisServer(password: Self.secret)
    let weir = try degraded(redis.url, says: "password")
    #expect(try weir.redisErrors("auth") > 0)
    try redis.run("ACL", "SETUSER", "default", "nopass")
    try weir.waitForHealth("healthy")
    #expect(try counts(weir, redis))
  }

  @Test("a password file is read at each connection, so that a changed password is learnt without a restart")
  func passwordFile() throws {
    let redis = try RedisServer(password: Self.secret)
    let files = try TemporaryDirectory()
    try files.write("password", Self.wrong + "\n")
    let arguments = ["--redis-password-file", files.file("password")]
    let weir = try degraded(redis.url, arguments, says: "password")
    try files.replace("password", Self.secret + "\n")
    try weir.waitForHealth("healthy")
    #expect(try counts(weir, redis))
    try expectNoSecret(weir, [Self.wrong, Self.secret])
    let command = try String(contentsOfFile: "/proc/\(weir.pid)/cmdline", encoding: .utf8)
    #expect(!command.contains(Self.secret))

    // Changed on both sides under a running weir: read again when a connection is made anew.
    let connects = try weir.metric("weir_redis_connects_total") ?? 0
    try redis.run("ACL", "SETUSER", "default", "resetpass", ">another-\(Self.wrong)")
    try files.replace("password", "another-\(Self.wrong)")
    try redis.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    try eventually("it has logged in anew") {
      try weir.metric("weir_redis_connects_total") ?? 0 > connects && weir.json("{}").json?["degraded"] == nil
    }
  }

  @Test("a password file missing at the start ends it; one that goes later is named, and healed when it is back")
  func missingPasswordFile() throws {
    let redis = try RedisServer(password: Self.secret)
    let files = try TemporaryDirectory()
    let arguments = ["--redis-password-file", files.file("password")]
    let refused = try WeirProcess.run(["serve", "--redis", redis.url] + arguments)
    #expect(refused.status == .exited(1))
    #expect(refused.errors.contains(files.file("password")), "\(refused.errors)")
    try files.write("password", Self.secret)
    let weir = try WeirProcess(Self.policies, redis: redis.url, arguments: arguments)
    try weir.waitForHealth("healthy")
    try files.move("password", to: "elsewhere")
    try redis.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    try weir.waitForHealth("degraded")
    try eventually("the path is named") { weir.redisComplaints.contains { $0.contains(files.file("password")) } }
    try files.move("elsewhere", to: "password")
    try weir.waitForHealth("healthy", within: 30)
    #expect(try counts(weir, redis))
  }

  @Test("a user who may not run scripts: degraded, said with what is missing, and healed when it may")
  func missingPermission() throws {
    let redis = try RedisServer()
    try redis.run("ACL", "SETUSER", "limits", "on", ">\(Self.wrong)", "~weir:*", "+@all", "-@scripting")
    let weir = try degraded("redis://limits:\(Self.wrong)@\(redis.authority)", says: "grant")
    #expect(try weir.redisErrors("permission") > 0)
    try redis.run("ACL", "SETUSER", "limits", "+@scripting")
    try weir.waitForHealth("healthy")
    #expect(try counts(weir, redis))
    try expectNoSecret(weir, [Self.wrong])
  }

  @Test("the permissions that docs/redis.md names are enough, for every algorithm, orders, resets and a clean stop")
  func documentedPermissions() throws {
    let page = try String(contentsOfFile: WeirProcess.repository + "/docs/redis.md", encoding: .utf8)
    let start = try #require(page.range(of: "ACL SETUSER weir on >PASSWORD "))
    let end = try #require(page[start.upperBound...].range(of: "```"))
    let rules = page[start.upperBound..<end.lowerBound].split { " \\\n".contains($0) }.map(String.init)
    let redis = try RedisServer()
    try redis.client().run(["ACL", "SETUSER", "weir", "on", ">\(Self.wrong)"] + rules)
    let weir = try WeirProcess(
      "policies:\n"
        + algorithms.map {
          "  - {name: \($0), match: {path: /\($0)}, algorithm: \($0), limit: 3, period: 1s, on_store_failure: deny}\n"
        }.joined()
        + "  - {name: per-user, match: {path: /user}, key: [header.user], missing: share, limit: 3, period: 1s}\n",
      redis: "redis://weir:\(Self.wrong)@\(redis.authority)")
    try weir.waitForHealth("healthy")
    for algorithm in algorithms {
      let client = try weir.client()
      var statuses: Set<Int> = []
      let start = ContinuousClock.now
      // Long enough for windows to turn and logs to be trimmed.
      while ContinuousClock.now - start < .milliseconds(1500) {
        statuses.insert(try client.request("GET", "/check/\(algorithm)").status)
      }
      #expect(statuses == [200, 429], "\(algorithm)")
    }
    // Words about a key, an order that is replaced, one that ends by itself and is swept away.
    #expect(try weir.word("block", "eve", #","for":"1s""#).status == 200)
    try weir.waitForOrder("block", "eve")
    try weir.waitForOrder(nil, "eve")
    for word in ["block", "grant"] {
      #expect(try weir.word(word, "ann", #","for":"1h"\#(word == "grant" ? #","amount":5"# : "")"#).status == 200)
      try weir.waitForOrder(word, "ann")
    }
    #expect(try weir.word("unblock", "ann").status == 200 && weir.word("reset", "ann").status == 200)
    try weir.waitForOrder(nil, "ann")
    try redis.run("SCRIPT", "FLUSH")
    #expect(try weir.json("{}").status == 200)
    #expect(try weir.terminate() == .exited(0))
    #expect(try redis.run("ACL", "LOG").array == [])
    #expect(weir.redisComplaints == [])
  }

  @Test("the database of the URL is where the counters are")
  func database() throws {
    let redis = try RedisServer()
    for (database, url) in [(3, "\(redis.url)/3"), (5, "\(redis.socketURL)?db=5")] {
      let weir = try WeirProcess(Self.policies, redis: url)
      try weir.waitForHealth("healthy")
      #expect(try counts(weir, redis, database: database))
    }
    #expect(try redis.keys() == [])
  }

  @Test("a Unix socket, and a name instead of an address")
  func places() throws {
    let redis = try RedisServer()
    for (index, url) in [redis.socketURL, "redis://localhost:\(redis.port)"].enumerated() {
      let weir = try WeirProcess(Self.policies, redis: url)
      try weir.waitForHealth("healthy")
      #expect(try counts(weir, redis))
      #expect(try weir.look() == 99 - index)
    }
  }

  @Test("a database that there is not, a name that does not resolve, a port of another server: the log says why")
  func wrongPlaces() throws {
    let redis = try RedisServer()
    _ = try degraded("\(redis.url)/99", says: "db")
    let nobody = try degraded("redis://nobody.invalid:\(redis.port)", says: "nobody.invalid")
    #expect(try nobody.redisErrors("resolve") > 0)
    let web = try WeirProcess(Self.policies)
    let stranger = try degraded("redis://\(web.listen[0].text)", says: "redis")
    #expect(try stranger.redisErrors("protocol") > 0)
  }
}
