// RedisURL+TopologyTests.swift: what a URL of a Redis means.

import RedisStore
import Testing

@testable import Sidecar

@Suite struct RedisURLTopologyTests {
  private static func host(
    _ host: String, _ port: UInt16 = 6379, database: Int32 = 0, user: String? = nil, password: String? = nil
  ) -> RedisTarget {
    var target = RedisTarget(place: .host(host, port: port))
    target.database = database
    target.user = user
    target.password = password
    return target
  }

  @Test(
    "host, port, database, user and password are taken apart and percent-decoded once",
    arguments: [
      ("redis://h", host("h")), ("redis://h:7/", host("h", 7)), ("redis://h/3", host("h", database: 3)),
      ("redis://[::1]", host("::1")), ("redis://[2001:db8::2]:7/4", host("2001:db8::2", 7, database: 4)),
      ("redis://:p@h", host("h", password: "p")), ("redis://u@h", host("h", user: "u")),
      ("redis://u:@h", host("h", user: "u", password: "")),
      ("redis://u:a:b@h:7/2", host("h", 7, database: 2, user: "u", password: "a:b")),
      ("redis://u%3a:%40%2F%25%3a%20+%E2%82%ac@h", host("h", user: "u:", password: "@/%: +€")),
      ("redis://:%2540@h", host("h", password: "%40")),
      ("redis://:p%c3%a4@10.0.0.1:1", host("10.0.0.1", 1, password: "pä")),
    ])
  func hosts(text: String, target: RedisTarget) throws {
    #expect(try RedisURL(text).target() == target)
  }

  @Test("a Unix socket has a path and a database")
  func unix() throws {
    var target = RedisTarget(place: .unix(path: "/run/redis.sock"))
    #expect(try RedisURL("unix:///run/redis.sock").target() == target)
    target = RedisTarget(place: .unix(path: "/run/my redis@1"))
    target.database = 5
    #expect(try RedisURL("unix:///run/my%20redis%401?db=5").target() == target)
  }

  @Test("only rediss:// has TLS, which verifies unless it is told not to")
  func tls() throws {
    #expect(try RedisURL("redis://h").target().tls == nil)
    var settings = TLSSettings()
    #expect(try RedisURL("rediss://h").target().tls == settings)
    #expect(settings.verifies)
    settings.authorities = "/etc/my ca.pem"
    settings.certificate = "/c"
    settings.key = "/k"
    #expect(try RedisURL("rediss://h?ca=/etc/my%20ca.pem&cert=/c&key=/k&verify=on").target().tls == settings)
    settings = TLSSettings()
    settings.verifies = false
    #expect(try RedisURL("rediss://u:p@h:1/2?verify=off").target().tls == settings)
    #expect(try RedisURL("rediss://u:p@h:1/2?verify=off").target().database == 2)
  }

  @Test("a password file is kept by name")
  func passwordFile() throws {
    let target = try RedisURL("redis://u@h").target(passwordFile: "/run/secret")
    #expect(target.passwordFile == "/run/secret")
    #expect(target.user == "u" && target.password == nil)
  }

  @Test(
    "whatever prints a target shows neither user nor password",
    arguments: [
      ("redis://mallory:s3cret@h:7/2", "redis://h:7/2"), ("rediss://mallory:s3cret@[::1]", "rediss://[::1]:6379/0"),
      ("unix:///run/r?db=1", "unix:///run/r?db=1"),
    ])
  func printing(text: String, shown: String) throws {
    let target = try RedisURL(text).target()
    var dumped = ""
    dump([target], to: &dumped)
    for text in ["\(target)", String(reflecting: target), "\(Optional(target) as Any)", dumped] {
      #expect(text.contains(shown))
      #expect(!text.contains("s3cret") && !text.contains("mallory"))
    }
  }

  // MARK: several servers

  private static func nodes(_ names: (String, UInt16)...) -> [NodeAddress] {
    names.map { NodeAddress(host: $0.0, port: $0.1) }
  }

  @Test("one server is a topology of its own, whose login is its target")
  func single() throws {
    for text in ["redis://u:p@h:7/2", "rediss://h", "unix:///r?db=1"] {
      let url = try RedisURL(text)
      #expect(url.topology(passwordFile: "/f") == .single(url.target(passwordFile: "/f")))
    }
  }

  @Test(
    "a cluster has seeds, and one login for all nodes",
    arguments: [
      ("redis-cluster://a", nodes(("a", 6379)), host("a")),
      (
        "redis-cluster://a:1,b,[::1]:3,[2001:db8::2]/", nodes(("a", 1), ("b", 6379), ("::1", 3), ("2001:db8::2", 6379)),
        host("a", 1)
      ),
      ("redis-cluster://u:p%2C1@a:1,b:2/0", nodes(("a", 1), ("b", 2)), host("a", 1, user: "u", password: "p,1")),
    ])
  func cluster(text: String, seeds: [NodeAddress], login: RedisTarget) throws {
    #expect(try RedisURL(text).topology() == .cluster(ClusterTarget(seeds: seeds, login: login)))
    #expect(try RedisURL(text).target() == login)
    var withFile = login
    withFile.passwordFile = "/f"
    #expect(try RedisURL(text).topology(passwordFile: "/f").login == withFile)
  }

  @Test("sentinels have a name for the master and a login of their own, which is not the master's")
  func sentinel() throws {
    var expected = SentinelTarget(
      sentinels: Self.nodes(("a", 26379), ("b", 2), ("::1", 26379)), masterName: "my master",
      login: Self.host("a", 26379, database: 3, user: "u", password: "p"), sentinelLogin: Self.host("a", 26379))
    #expect(try RedisURL("redis-sentinel://u:p@a,b:2,[::1]/my%20master/3").topology() == .sentinel(expected))
    expected.sentinelLogin.user = "s"
    expected.sentinelLogin.password = "q&/@"
    #expect(
      try RedisURL("redis-sentinel://u:p@a,b:2,[::1]/my%20master/3?sentinel_user=s&sentinel_password=q%26%2f%40")
        .topology() == .sentinel(expected))
    expected.sentinelLogin.password = nil
    expected.sentinelLogin.passwordFile = "/run/q"
    expected.login.passwordFile = "/run/p"
    expected.login.password = nil
    expected.login.database = 0
    #expect(
      try RedisURL("redis-sentinel://u@a,b:2,[::1]/my%20master?sentinel_user=s&sentinel_password_file=/run/q")
        .topology(passwordFile: "/run/p") == .sentinel(expected))
  }

  @Test("the s in rediss stands for TLS to every server, sentinels included")
  func severalWithTLS() throws {
    var settings = TLSSettings()
    settings.authorities = "/ca"
    settings.verifies = false
    guard case .cluster(let cluster) = try RedisURL("rediss-cluster://a,b?ca=/ca&verify=off").topology(),
      case .sentinel(let sentinel) = try RedisURL("rediss-sentinel://a/m?verify=off&ca=/ca").topology(),
      case .sentinel(let plain) = try RedisURL("redis-sentinel://a/m").topology()
    else {
      Issue.record("schemes are mixed up")
      return
    }
    #expect(cluster.login.tls == settings)
    #expect(sentinel.login.tls == settings && sentinel.sentinelLogin.tls == settings)
    #expect(plain.login.tls == nil && plain.sentinelLogin.tls == nil)
  }

  @Test("whatever prints a topology shows neither users nor passwords")
  func printingSeveral() throws {
    for text in [
      "redis-cluster://mallory:s3cret@a,b",
      "redis-sentinel://mallory:s3cret@a/m?sentinel_user=mallory&sentinel_password=s3cret",
    ] {
      let topology = try RedisURL(text).topology()
      var dumped = ""
      dump([topology], to: &dumped)
      for text in ["\(topology)", String(reflecting: topology), dumped] {
        #expect(!text.contains("s3cret") && !text.contains("mallory"))
      }
    }
  }
}
