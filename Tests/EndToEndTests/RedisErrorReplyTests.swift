// RedisErrorReplyTests.swift: a Redis that is there and says no: each reason is taken for what it is, answered for by
// on_store_failure, said once in the log, and over when it is over.

import TestKit
import Testing

@Suite struct RedisErrorReplyTests {
  static let policies = """
    policies:
      - {name: a, match: {path: /a}, algorithm: token-bucket, limit: 10, period: \(forever)}
      - {name: probe, match: {path: /probe}, algorithm: token-bucket, limit: 1000000, period: \(forever)}
    """

  /// A way in which a Redis refuses, with what ends it.
  enum Trouble: String, CaseIterable, Sendable {
    case readOnly = "read_only"
    case outOfMemory = "out_of_memory"
    case busy
    case permission
    case loading

    /// Keeps what must live for as long as the trouble.
    func begin(_ redis: RedisServer) throws -> RedisClient? {
      switch self {
      case .readOnly: try redis.run("REPLICAOF", "127.0.0.1", "1")
      case .outOfMemory: try redis.run("CONFIG", "SET", "maxmemory", "1")
      case .permission: try redis.run("ACL", "SETUSER", "default", "-evalsha")
      case .busy:
        try redis.run("CONFIG", "SET", "lua-time-limit", "50")
        let client = try redis.client()
        try client.send(["EVAL", "while true do end", "0"])
        return client
      case .loading:
        try redis.run("EVAL", "for i = 1, 10000 do redis.call('SET', 'filler' .. i, i) end", "0")
        try redis.run("SAVE")
        try redis.kill()
        // 10 000 keys of 0.2 ms each, with a look at the clients in between.
        try redis.restart(["--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024"])
      }
      return nil
    }

    func end(_ redis: RedisServer) throws {
      switch self {
      case .readOnly: try redis.run("REPLICAOF", "NO", "ONE")
      case .outOfMemory: try redis.run("CONFIG", "SET", "maxmemory", "0")
      case .permission: try redis.run("ACL", "SETUSER", "default", "+evalsha")
      case .busy: try redis.run("SCRIPT", "KILL")
      case .loading: break
      }
    }
  }

  @Test(
    "an error reply is answered for by on_store_failure, counted by its kind, said once, and healed from",
    arguments: Trouble.allCases)
  func errorReplies(trouble: Trouble) throws {
    let redis = try RedisServer()
    let weir = try WeirProcess(Self.policies, redis: redis.url)
    try weir.waitForHealth("healthy")
    #expect(try statuses(weir, 2, "/check/a") == [200, 200])
    #expect(weir.redisComplaints == [])

    let held = try trouble.begin(redis)
    try withExtendedLifetime(held) {
      try weir.askUntilDegraded()
      for _ in 0..<20 {
        let answer = try weir.json(#"{"attributes": {"path": "/probe"}}"#)
        #expect(answer.status == 200)
        #expect(answer.json?["degraded"]?.bool == true)
      }
      try eventually("the failure is counted by its kind") { try weir.redisErrors(trouble.rawValue) > 0 }
      try trouble.end(redis)
    }
    try weir.waitForHealth("healthy")
    #expect(weir.redisComplaints.count <= (trouble == .loading ? 2 : 1), "\(weir.redisComplaints)")
    #expect(weir.redisComplaints.count >= 1)
    // What Redis had counted before, it still has.
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 7)
    #expect(try redis.keysWithoutExpiry().filter { $0.hasPrefix("weir:") } == [])
  }

  @Test("a node of a cluster that does not hold the keys is no Redis to count in", arguments: [false, true])
  func clusterNode(isSlotElsewhere: Bool) throws {
    func node() throws -> (RedisServer, bus: String) {
      let bus = "\(try RedisServer.freePort())"
      return (try RedisServer(arguments: ["--cluster-enabled", "yes", "--cluster-port", bus]), bus)
    }
    let (redis, _) = try node()
    let other = isSlotElsewhere ? try node() : nil
    if let (other, bus) = other {
      // MOVED instead of CLUSTERDOWN.
      try other.run("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
      try redis.run("CLUSTER", "MEET", "127.0.0.1", "\(other.port)", bus)
      try eventually("the nodes know each other") {
        try redis.run("CLUSTER", "INFO").text?.contains("cluster_state:ok") == true
      }
    }
    let weir = try WeirProcess(Self.policies, redis: redis.url)
    #expect(try weir.health() == "degraded")
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 9)
    #expect(try weir.redisErrors("cluster") > 0)
    #expect(weir.redisComplaints.count == 1, "\(weir.redisComplaints)")
    withExtendedLifetime(other) {}
  }
}
