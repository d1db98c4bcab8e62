// RedisURLTests.swift: which URLs are valid, and that a password never shows.

import Testing

@testable import Sidecar

@Suite struct RedisURLTests {
  @Test(
    "a valid URL is kept as it was given, and shown without user and password",
    arguments: [
      ("redis://h", "redis://h"), ("redis://h:6379/0", "redis://h:6379/0"), ("redis://h/", "redis://h/"),
      ("redis://:p@h", "redis://***@h"), ("redis://u:p@h:1/2", "redis://***@h:1/2"), ("redis://u@h", "redis://***@h"),
      ("redis://u:a:b@h", "redis://***@h"), ("redis://[::1]:6379", "redis://[::1]:6379"),
      ("rediss://u:p%40@h?ca=/c.pem&verify=off", "rediss://***@h?ca=/c.pem&verify=off"),
      ("rediss://h?cert=/c&key=/k", "rediss://h?cert=/c&key=/k"), ("unix:///run/r.sock", "unix:///run/r.sock"),
      ("unix:///run/r.sock?db=3", "unix:///run/r.sock?db=3"),
      ("redis-cluster://a", "redis-cluster://a"), ("redis-cluster://a:1,b:2/", "redis-cluster://a:1,b:2/"),
      ("redis-cluster://u:p@a:1,b:2", "redis-cluster://***@a:1,b:2"),
      ("redis-cluster://:s3,cret@a", "redis-cluster://***@a"),
      ("redis-cluster://[::1]:1,[::2],c:3", "redis-cluster://[::1]:1,[::2],c:3"),
      ("rediss-cluster://a:1,b/0?ca=/c.pem", "rediss-cluster://a:1,b/0?ca=/c.pem"),
      ("redis-sentinel://a,b:2/m", "redis-sentinel://a,b:2/m"),
      ("redis-sentinel://u:p@a:1,b:2/m/3", "redis-sentinel://***@a:1,b:2/m/3"),
      (
        "redis-sentinel://a/m?sentinel_user=x&sentinel_password=y",
        "redis-sentinel://a/m?sentinel_user=***&sentinel_password=***"
      ),
      ("redis-sentinel://u:p@a/m?sentinel_password=s@x", "redis-sentinel://***@a/m?sentinel_password=***"),
      (
        "rediss-sentinel://a/m/?sentinel_password_file=/p&verify=off",
        "rediss-sentinel://a/m/?sentinel_password_file=/p&verify=off"
      ),
    ])
  func good(text: String, shown: String) throws {
    let url = try RedisURL(text)
    #expect(url.secretText == text)
    #expect(url.redacted == shown)
    #expect("\(url)" == shown)
    #expect(String(reflecting: url) == shown)
  }

  @Test(
    "a wrong URL is refused with a hint and shown without what may be a password",
    arguments: [
      ("h:6379", "h:6379", "", nil), ("redis:secret", "redis:***", "", nil), ("u:s3cret@h", "***@h", "", nil),
      ("http://u:s3cret@h", "http://***@h", "", nil), ("reids://:s3cret@h", "reids://***@h", "", "redis://"),
      ("redis://", "redis://", "; the host is missing", nil),
      ("redis://:s3cret", "redis://:***", "; the host is missing", nil),
      ("redis://:12345", "redis://:***", "; the host is missing", nil),
      ("redis://u:s3cret", "redis://u:***", "; a port is 1 to 65535", nil),
      ("redis://[::1]:s3cret", "redis://[::1]:***", "; a port is 1 to 65535", nil),
      ("redis://h:0", "redis://h:0", "; a port is 1 to 65535", nil),
      ("redis://h:65536", "redis://h:65536", "; a port is 1 to 65535", nil),
      ("redis://h/x", "redis://h/x", "; a database is a number", nil),
      ("redis://h/99999999999", "redis://h/99999999999", "; a database is a number", nil),
      ("redis://:s3/cret@h", "redis://***@h", "; write / in a password as %2F", nil),
      ("redis://:s3@cret@h", "redis://***@h", "; write @ in a password as %40", nil),
      ("redis://:s3?cret@h", "redis://***@h", "; redis:// takes no ?", nil),
      ("redis://:s3 cret@h", "redis://***@h", "; without spaces and control characters", nil),
      ("redis://h?password=s3cret", "redis://h?password=***", "; redis:// takes no ?", nil),
      ("rediss://h?veriffy=off", "rediss://h?veriffy=***", "; rediss:// takes ?ca=, ?cert=, ?key=, ?verify=", nil),
      ("rediss://h?verify=no", "rediss://h?verify=no", "; verify is on or off", nil),
      ("rediss://h?ca=", "rediss://h?ca=", "; ca needs a value", nil),
      ("rediss://h?ca=a&ca=b", "rediss://h?ca=a&ca=b", "; ca is given twice", nil),
      ("unix://run/r", "unix://run/r", "; the path of a socket is absolute, at most 107 bytes", nil),
      ("unix:///r?db=x", "unix:///r?db=x", "; a database is a number", nil),
      ("unix:///r?dbb=1", "unix:///r?dbb=***", "; unix:// takes ?db=", nil),
      ("redis://:100%s3cret@h", "redis://***@h", "; %XX stands for a byte of UTF-8, and % itself is %25", nil),
      ("redis://:s3cret%4@h", "redis://***@h", "; %XX stands for a byte of UTF-8, and % itself is %25", nil),
      ("redis://:s3cret%@h", "redis://***@h", "; %XX stands for a byte of UTF-8, and % itself is %25", nil),
      ("redis://:s3cret%ff@h", "redis://***@h", "; %XX stands for a byte of UTF-8, and % itself is %25", nil),
      ("redis://:s3cret%00@h", "redis://***@h", "; %XX stands for a byte of UTF-8, and % itself is %25", nil),
      ("redis://a:1,b:2", "redis://a:***", "; several servers are redis-cluster:// or redis-sentinel://", nil),
      ("redis-clustr://a:1,b", "redis-clustr://a:***", "", "redis-cluster://"),
      ("redis-cluster://", "redis-cluster://", "; the host is missing", nil),
      ("redis-cluster://a,,b", "redis-cluster://a,,b", "; the host is missing", nil),
      ("redis-cluster://a:1,b:x", "redis-cluster://a:***", "; a port is 1 to 65535", nil),
      ("redis-cluster://:s3,cret", "redis-cluster://:***", "; the host is missing", nil),
      ("redis-cluster://a:s3,cret:6379", "redis-cluster://a:***", "; a port is 1 to 65535", nil),
      ("redis-cluster://u:12,s3:cret", "redis-cluster://u:***", "; a port is 1 to 65535", nil),
      ("redis-cluster://[::1]:1,b:x", "redis-cluster://[::1]:***", "; a port is 1 to 65535", nil),
      ("redis-cluster://a/1", "redis-cluster://a/1", "; a cluster has no databases but 0", nil),
      ("redis-cluster://a:1,b:2,a:1", "redis-cluster://a:1,b:2,a:1", "; a:1 is given twice", nil),
      ("redis-cluster://a?ca=/c", "redis-cluster://a?ca=/c", "; redis-cluster:// takes no ?", nil),
      ("rediss-cluster://a?key=/k", "rediss-cluster://a?key=/k", "; ?key= needs ?cert=", nil),
      ("redis-sentinel://a", "redis-sentinel://a", "; the sentinels' name of the master is missing", nil),
      ("redis-sentinel://a/", "redis-sentinel://a/", "; the sentinels' name of the master is missing", nil),
      ("redis-sentinel://a//1", "redis-sentinel://a//1", "; the sentinels' name of the master is missing", nil),
      ("redis-sentinel://a/m/x", "redis-sentinel://a/m/x", "; a database is a number", nil),
      ("redis-sentinel:///m", "redis-sentinel:///m", "; the host is missing", nil),
      (
        "redis-sentinel://a/m?sentinel_password=s3cret&sentinel_password_file=/f",
        "redis-sentinel://a/m?sentinel_password=***&sentinel_password_file=/f",
        "; ?sentinel_password= or ?sentinel_password_file=, not both", nil
      ),
      (
        "redis-sentinel://a/m?sentinel_password=s3&cret", "redis-sentinel://a/m?sentinel_password=***&***",
        "; redis-sentinel:// takes ?sentinel_user=, ?sentinel_password=, ?sentinel_password_file=", nil
      ),
      (
        "redis-sentinel://a/m?sentinel_password=s3&cr=cret", "redis-sentinel://a/m?sentinel_password=***&***",
        "; redis-sentinel:// takes ?sentinel_user=, ?sentinel_password=, ?sentinel_password_file=", nil
      ),
      (
        "redis-sentinel://a/m?sentinel_pasword=s3@cret", "redis-sentinel://a/m?sentinel_pasword=***",
        "; redis-sentinel:// takes ?sentinel_user=, ?sentinel_password=, ?sentinel_password_file=", nil
      ),
    ] as [(String, String, String, String?)])
  func bad(text: String, shown: String, hint: String, nearest: String?) {
    let expected = RedisURL.expected(RedisURL.scheme(of: text)?.form)
    #expect(throws: Misfit(quoted: "\"\(shown)\"", expected: expected + hint, nearest: nearest)) {
      try RedisURL(text)
    }
    #expect(!RedisURL.redact(text).contains("cret") || shown.contains("cret"))
  }

  @Test("a list of servers has a bound")
  func longList() throws {
    let hosts = (1...17).map { "h\($0)" }
    #expect(throws: Never.self) { try RedisURL("redis-cluster://" + hosts.dropLast().joined(separator: ",")) }
    #expect(throws: Misfit.self) { try RedisURL("redis-cluster://" + hosts.joined(separator: ",")) }
    #expect(throws: Misfit.self) { try RedisURL("redis-sentinel://" + hosts.joined(separator: ",") + "/m") }
  }

  @Test("what is expected is said for the scheme that was written")
  func expectations() {
    #expect(RedisURL.expected(.cluster).hasPrefix("redis-cluster://"))
    #expect(RedisURL.expected(.sentinel).hasPrefix("redis-sentinel://"))
    for scheme in RedisURL.schemes where !scheme.hasTLS { #expect(RedisURL.expected().contains(scheme.name + "://")) }
  }

  @Test("a URL has a password where a colon stands before the @")
  func password() throws {
    #expect(try RedisURL("redis://:p@h").hasPassword)
    #expect(try !RedisURL("redis://u@h:1").hasPassword)
    #expect(try !RedisURL("redis://h:1").hasPassword)
    #expect(try !RedisURL("unix:///a:b@c").hasPassword)
    #expect(try RedisURL("redis-sentinel://:p@a:1,b:2/m").hasPassword)
    #expect(try !RedisURL("redis-sentinel://a:1,b:2/m?sentinel_password=p").hasPassword)
    #expect(try RedisURL("redis-cluster://u:p@a:1,b:2").hasPassword)
  }

  @Test("a cluster is known by its scheme")
  func cluster() throws {
    for text in ["redis-cluster://a,b", "rediss-cluster://a"] { #expect(try RedisURL(text).isCluster) }
    for text in ["redis://redis-cluster", "rediss://a", "redis-sentinel://a/m", "unix:///redis-cluster"] {
      #expect(try !RedisURL(text).isCluster)
    }
  }
}
