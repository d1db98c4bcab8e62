// RedisFailoverTests.swift: the replica takes over under load. weir follows its address: to the new master where that
// leads there, else to the old one when that is master again.

import TestKit
import Testing

@Suite struct RedisFailoverTests {
  static let policies = """
    policies:
      - {name: deny, match: {path: /deny}, algorithm: fixed-window, limit: 1000000, period: \(forever),
         on_store_failure: deny}
      - {name: memory, match: {path: /memory}, algorithm: fixed-window, limit: 1000000, period: \(forever)}
    """

  private func waitForRole(_ role: String, _ redis: RedisServer) throws {
    try eventually("port \(redis.port) is \(role)") { try redis.info("replication")["role"] == role }
  }

  private func failOver(from old: RedisServer, to new: RedisServer) throws {
    try eventually("the replica is in step") { try new.info("replication")["master_link_status"] == "up" }
    try eventually("the failover begins") {
      try old.client().ask("FAILOVER", "TO", "127.0.0.1", "\(new.port)").error == nil
    }
    try waitForRole("master", new)
    try waitForRole("slave", old)
  }

  @Test(
    "FAILOVER under load: no check fails, READONLY is noticed and said once, and no count is lost or doubled",
    arguments: [true, false])
  func failover(addressFollows: Bool) throws {
    let first = try RedisServer()
    let second = try RedisServer(arguments: ["--replicaof", "127.0.0.1", "\(first.port)"])
    let forwarder = try Forwarder(to: .tcp(host: "127.0.0.1", port: first.port))
    let weirs = try WeirProcess.fleet(2, Self.policies, redis: "redis://\(forwarder.address.text)")
    let deny = Tally()
    let memory = Tally()
    let loads = [
      load(weirs, threads: 2, "/check/deny", tally: deny), load(weirs, threads: 2, "/check/memory", tally: memory),
    ]
    pause(seconds: 0.3)
    try failOver(from: first, to: second)
    if addressFollows { forwarder.lead(to: .tcp(host: "127.0.0.1", port: second.port)) }
    for weir in weirs {
      try eventually("READONLY is counted") { try weir.redisErrors("read_only") > 0 }
    }
    if !addressFollows {
      for weir in weirs { try weir.waitForHealth("degraded") }
      try failOver(from: second, to: first)
    }
    for weir in weirs { try weir.waitForHealth("healthy") }
    pause(seconds: 0.3)
    for load in loads { try load.stop() }

    #expect(memory.statuses == [200])
    #expect(deny.statuses.isSubset(of: [200, 503]))
    let remaining = try weirs[0].look(#"{"path": "/deny"}"#)
    let spent = 1_000_000 - (remaining ?? 0)
    #expect((deny[200]...deny.total).contains(spent), "\(spent), allowed \(deny[200]) of \(deny.total)")
    for weir in weirs { #expect(weir.redisComplaints.count == 1, "\(weir.redisComplaints)") }
    #expect(try (addressFollows ? second : first).keysWithoutExpiry() == [])
  }
}
