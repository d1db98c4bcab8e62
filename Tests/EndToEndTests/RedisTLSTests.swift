// RedisTLSTests.swift: rediss:// against a redis-server with TLS. Certificates are checked unless the URL says
// otherwise; what is not accepted is said with the reason, and repaired without a restart.

import Glibc
import TestKit
import Testing

@Suite struct RedisTLSTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 100, period: \(forever)}]"

  private func expectHealthy(_ url: String, _ redis: RedisServer) throws {
    let weir = try WeirProcess(Self.policies, redis: url)
    try weir.waitForHealth("healthy")
    let before = try weir.look() ?? 0
    #expect(try weir.json("{}").json?["degraded"] == nil)
    #expect(try weir.look() == before - 1)
    #expect(try redis.keys("weir:*:default:a:*").count == 1)
    #expect(weir.redisComplaints == [])
  }

  /// A weir that serves without Redis, and complains once, naming one of `words`.
  private func degraded(_ url: String, says words: [String], kind: String = "tls") throws -> WeirProcess {
    let weir = try WeirProcess(Self.policies, redis: url)
    #expect(try weir.health() == "degraded")
    let answer = try weir.json("{}")
    #expect(answer.status == 200)
    #expect(answer.json?["degraded"]?.bool == true)
    // A greeting that is not answered ends a moment after weir has begun to serve without it.
    try eventually("a failure of kind \(kind)", within: 20) { try weir.redisErrors(kind) > 0 }
    #expect(weir.redisComplaints.count == 1, "\(weir.redisComplaints)")
    #expect(
      weir.redisComplaints.allSatisfy { line in words.contains { line.lowercased().contains($0) } },
      "\(weir.redisComplaints)")
    return weir
  }

  @Test("with the right authority, or with verify=off, counts are shared")
  func accepted() throws {
    let papers = try Certificates()
    let redis = try RedisServer(certificates: papers)
    try expectHealthy("\(redis.tlsURL)?ca=\(papers.authority)", redis)
    try expectHealthy("rediss://localhost:\(redis.tlsPort ?? 0)?ca=\(papers.authority)", redis)
    try expectHealthy("\(redis.tlsURL)?verify=off", redis)
    try expectHealthy("\(redis.tlsURL)/0?ca=\(papers.strangerAuthority)&verify=off", redis)
  }

  /// Each of the threads reads the machine's authorities again with every attempt. One stop alone would seldom meet that.
  @Test("a stop while certificates are read ends with 0")
  func stopsWhileItReads() throws {
    let directory = try TemporaryDirectory()
    try directory.write("p.yaml", Self.policies)
    let arguments = [
      "serve", "--policies", directory.path, "--listen", "127.0.0.1:0", "--admin", "off", "--threads", "8", "--redis",
      "rediss://127.0.0.1:1",
    ]
    let weirs = try (0..<16).map { _ in try ChildProcess([WeirProcess.binary] + arguments) }
    for weir in weirs {
      try eventually("weir listens", within: 60) { weir.errorLines.contains { $0.contains(#""listening""#) } }
      weir.signal(SIGTERM)
    }
    for weir in weirs { #expect(try weir.wait(within: 60) == .exited(0)) }
  }

  @Test("an authority that did not sign the server's certificate, or none, is refused; the right file heals")
  func wrongAuthority() throws {
    let papers = try Certificates()
    let redis = try RedisServer(certificates: papers)
    _ = try degraded(redis.tlsURL, says: ["certificate"])
    let files = try TemporaryDirectory()
    try files.link("ca.pem", to: papers.strangerAuthority)
    let weir = try degraded("\(redis.tlsURL)?ca=\(files.file("ca.pem"))", says: ["certificate"])
    try files.link("right.pem", to: papers.authority)
    try files.move("right.pem", to: "ca.pem")
    try weir.waitForHealth("healthy", within: 40)
    #expect(try weir.json("{}").json?["degraded"] == nil)
  }

  @Test("a certificate for another name is refused")
  func wrongName() throws {
    let papers = try Certificates(names: "DNS:redis.example.com,IP:192.0.2.1")
    let redis = try RedisServer(certificates: papers)
    _ = try degraded("\(redis.tlsURL)?ca=\(papers.authority)", says: ["certificate", "name", "address"])
    _ = try degraded(
      "rediss://localhost:\(redis.tlsPort ?? 0)?ca=\(papers.authority)", says: ["certificate", "name"])
  }

  @Test("a server that asks for a client's certificate gets it, and refuses who has none")
  func clientCertificate() throws {
    let papers = try Certificates()
    let redis = try RedisServer(certificates: papers, asksForCertificate: true)
    let url = "\(redis.tlsURL)?ca=\(papers.authority)"
    try expectHealthy("\(url)&cert=\(papers.client)&key=\(papers.clientKey)", redis)
    let weir = try WeirProcess(Self.policies, redis: url)
    #expect(try weir.health() == "degraded")
    #expect(try weir.json("{}").json?["degraded"]?.bool == true)
    // The server says why and hangs up at once: a connection that was just writing sees only the latter.
    #expect((1...2).contains(weir.redisComplaints.count), "\(weir.redisComplaints)")
    // What is to be there at the start and is not ends the start.
    let missing = try WeirProcess.run(["serve", "--redis", "\(url)&cert=/nowhere/client.pem"])
    #expect(missing.status == .exited(1))
    #expect(missing.errors.contains("/nowhere/client.pem"), "\(missing.errors)")
  }

  @Test("TLS to a port without it, and no TLS to a port with it: degraded, and the log says what to try")
  func mixedUp() throws {
    let papers = try Certificates()
    let redis = try RedisServer(certificates: papers)
    _ = try degraded("rediss://\(redis.authority)?ca=\(papers.authority)", says: ["redis://"], kind: "timeout")
    let plain = try WeirProcess(Self.policies, redis: "redis://127.0.0.1:\(redis.tlsPort ?? 0)")
    #expect(try plain.health() == "degraded")
    #expect(plain.redisComplaints.count == 1, "\(plain.redisComplaints)")
  }

  @Test("connections through TLS come back after CLIENT KILL, under load, with the count right")
  func reconnects() throws {
    let papers = try Certificates()
    let redis = try RedisServer(certificates: papers)
    let weirs = try WeirProcess.fleet(
      2, "policies: [{name: a, algorithm: token-bucket, limit: 1000000, period: 366d, on_store_failure: deny}]",
      redis: "\(redis.tlsURL)?ca=\(papers.authority)")
    let tally = Tally()
    let asking = load(weirs, threads: 4, tally: tally)
    for _ in 0..<5 {
      pause(seconds: 0.2)
      try redis.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    }
    for weir in weirs { try weir.waitForHealth("healthy") }
    try asking.stop()
    #expect(tally.statuses.isSubset(of: [200, 503]))
    // The last connection may just have been killed, with the health still that of before.
    var remaining: Int?
    try eventually("the counter can be looked at", within: 10) {
      remaining = try weirs[0].look()
      return remaining != nil
    }
    #expect((tally[200]...tally.total).contains(1_000_000 - (remaining ?? 0)))
  }
}
