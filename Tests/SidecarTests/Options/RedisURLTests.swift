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
    ] as [(String, String, String, String?)])
  func bad(text: String, shown: String, hint: String, nearest: String?) {
    #expect(throws: Misfit(quoted: "\"\(shown)\"", expected: RedisURL.expected + hint, nearest: nearest)) {
      try RedisURL(text)
    }
    #expect(!RedisURL.redact(text).contains("cret") || shown.contains("cret"))
  }

  @Test("a URL has a password where a colon stands before the @")
  func password() throws {
    #expect(try RedisURL("redis://:p@h").hasPassword)
    #expect(try !RedisURL("redis://u@h:1").hasPassword)
    #expect(try !RedisURL("redis://h:1").hasPassword)
    #expect(try !RedisURL("unix:///a:b@c").hasPassword)
  }
}
