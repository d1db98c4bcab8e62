// ListenAddressTests.swift: the forms of an address, and what is none.

import Testing

@testable import Sidecar

@Suite struct ListenAddressTests {
  @Test(
    "an address is a host and a port, or a socket with its mode and group",
    arguments: [
      ("127.0.0.1:7429", .tcp(host: "127.0.0.1", port: 7429)), ("localhost:0", .tcp(host: "localhost", port: 0)),
      ("weir.svc_1.local:65535", .tcp(host: "weir.svc_1.local", port: 65535)), (":80", .tcp(host: "", port: 80)),
      ("[::1]:80", .tcp(host: "::1", port: 80)), ("[::]:80", .tcp(host: "::", port: 80)),
      ("[fe80::1%eth0]:80", .tcp(host: "fe80::1%eth0", port: 80)),
      ("unix:/run/weir.sock", .unix(path: "/run/weir.sock", mode: 0o660, group: nil)),
      ("unix:///run/weir.sock", .unix(path: "///run/weir.sock", mode: 0o660, group: nil)),
      ("unix:/a?mode=0600", .unix(path: "/a", mode: 0o600, group: nil)),
      ("unix:/a?mode=777&group=web", .unix(path: "/a", mode: 0o777, group: "web")),
      ("unix:/a?group=101&mode=0", .unix(path: "/a", mode: 0, group: "101")),
      ("unix:/with space:and,colon", .unix(path: "/with space:and,colon", mode: 0o660, group: nil)),
      (
        "unix:/" + String(repeating: "a", count: 106),
        .unix(path: "/" + String(repeating: "a", count: 106), mode: 0o660, group: nil)
      ),
    ] as [(String, ListenAddress.Place)])
  func good(text: String, place: ListenAddress.Place) throws {
    let address = try ListenAddress(text)
    #expect(address.place == place)
    #expect(address.text == text)
  }

  @Test(
    "what is no address is refused, with a hint",
    arguments: [
      ("", "; the port is missing"), ("localhost", "; the port is missing"), ("127.0.0.1:", "; a port is 0 to 65535"),
      ("a:65536", "; a port is 0 to 65535"), ("a:-1", "; a port is 0 to 65535"), ("a:+1", "; a port is 0 to 65535"),
      ("a:8 0", "; a port is 0 to 65535"), ("::1:80", "; an IPv6 address stands in brackets"),
      ("[::1]80", "; a port is 0 to 65535"), ("[127.0.0.1]:80", "; brackets hold an IPv6 address"),
      ("[]:80", "; brackets hold an IPv6 address"), ("[::1%]:80", "; brackets hold an IPv6 address"),
      ("256.0.0.1:80", ""), ("127.1:80", ""), ("-a:80", ""), ("*:80", ""), ("a b:80", ""), ("/run/x:80", ""),
      ("http://a:80", "; an IPv6 address stands in brackets"), ("unix:", "; the path of a socket is absolute"),
      ("unix:run/a", "; the path of a socket is absolute"), ("unix:/run/", "; the path of a socket is absolute"),
      ("unix:@abstract", "; the path of a socket is absolute"), ("unix:/a?mode=888", "; a mode is octal, 0 to 0777"),
      ("unix:/a?mode=1777", "; a mode is octal, 0 to 0777"), ("unix:/a?mode=", "; a mode is octal, 0 to 0777"),
      ("unix:/a?group=", "; a group is a name or a number"), ("unix:/a?group=a b", "; a group is a name or a number"),
      ("unix:/a?mode=600&mode=600", "; mode is given twice"), ("unix:/a?", ""),
    ])
  func bad(text: String, hint: String) {
    #expect(throws: Misfit(text, expected: ListenAddress.expected + hint)) { try ListenAddress(text) }
  }

  @Test("an unknown parameter of a socket is refused with the nearest known one")
  func parameter() {
    #expect(throws: Misfit("unix:/a?mod=600", expected: ListenAddress.expected, nearest: "mode")) {
      try ListenAddress("unix:/a?mod=600")
    }
  }

  @Test("a path that no socket address holds is refused")
  func longPath() {
    let text = "unix:/" + String(repeating: "a", count: ListenAddress.longestPath)
    #expect(throws: Misfit(text, expected: "a Unix socket whose path has at most 107 bytes")) {
      try ListenAddress(text)
    }
  }
}
