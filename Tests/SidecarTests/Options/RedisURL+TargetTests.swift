// RedisURL+TargetTests.swift: what a URL of a Redis means.

import RedisStore
import Testing

@testable import Sidecar

@Suite struct RedisURLTargetTests {
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
}
