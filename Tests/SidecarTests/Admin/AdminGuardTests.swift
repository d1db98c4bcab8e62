// AdminGuardTests.swift: who may see keys and who may change counters, as a table of requests.

import CheckAPI
import Glibc
import TestKit
import Testing

@testable import Sidecar

@Suite struct AdminGuardTests {
  static func route(_ access: AdminRoute.Access, _ method: StaticString = "POST") -> AdminRoute {
    AdminRoute(method: method, path: "/", access: access, work: .now { _ in .json("{}") })
  }

  static var changes: AdminRoute { route(.changes) }
  static var reads: AdminRoute { route(.reads, "GET") }
  static var explain: AdminRoute { route(.reads) }

  /// The status with which a request is refused; nil where it may pass.
  static func refusal(
    _ guardian: AdminGuard, _ route: AdminRoute, _ headers: [(String, String)], json: Bool = true
  ) -> Refusal? {
    let type = json && route.takesBody ? [("Content-Type", "application/json")] : []
    do throws(Refusal) {
      try guardian.check(AdminRequest("\(route.method)", "/", headers + type), route)
      return nil
    } catch {
      return error
    }
  }

  static func status(
    _ guardian: AdminGuard, _ route: AdminRoute, _ headers: [(String, String)], json: Bool = true
  ) -> Int? { refusal(guardian, route, headers, json: json)?.status }

  static func loopback(ownName: String? = nil) -> AdminGuard {
    AdminGuard(isLoopback: true, ownName: ownName, tokenFile: nil)
  }

  /// A token file, and a guard that asks for what is in it.
  private struct Rig {
    let directory: TemporaryDirectory
    let guardian: AdminGuard

    init(_ text: String?, isLoopback: Bool = true) throws {
      directory = try TemporaryDirectory()
      if let text { try directory.write("token", text) }
      guardian = AdminGuard(isLoopback: isLoopback, ownName: nil, tokenFile: directory.file("token"))
    }

    func change(_ authorization: String?, host: String = "localhost") -> Int? {
      AdminGuardTests.status(
        guardian, AdminGuardTests.changes, [("Host", host)] + (authorization.map { [("Authorization", $0)] } ?? []))
    }

    func read(_ authorization: String?, host: String = "localhost") -> Int? {
      AdminGuardTests.status(
        guardian, AdminGuardTests.reads, [("Host", host)] + (authorization.map { [("Authorization", $0)] } ?? []))
    }
  }

  // MARK: The host

  @Test(
    "an address, localhost and the listener's own name are its own, with any port",
    arguments: [
      "localhost", "localhost:7430", "LocalHost", "localhost.", "localhost.:80", "127.0.0.1", "127.0.0.1:7430",
      "127.0.0.1.", "192.0.2.1", "0.0.0.0:1", "255.255.255.255:65535", "[::1]", "[::1]:7430", "[2001:DB8::a]:80",
      "[::ffff:127.0.0.1]", "localhost:", "Weir.Internal", "weir.internal:7430", "weir.internal.", "",
    ])
  func ownHosts(host: String) {
    for route in [Self.reads, Self.explain, Self.changes] {
      #expect(Self.status(Self.loopback(ownName: "weir.Internal"), route, [("Host", host)]) == nil)
    }
  }

  @Test("a request without a Host comes from no browser")
  func noHost() {
    for route in [Self.reads, Self.explain, Self.changes] { #expect(Self.status(Self.loopback(), route, []) == nil) }
  }

  @Test(
    "any other name could be made to resolve here, also one that looks like an address or holds one",
    arguments: [
      "evil.example", "evil.example:7430", "test", "localhost.evil.example", "localhost:evil.example", "evil.localhost",
      "localhost..", ".localhost", "xlocalhost", "localhost:80:80", "localhost:-1", "weir.internal.evil.example",
      "xweir.internal", "127.0.0.1.evil.example", "127.0.0.1:80.evil.example", "127.0.0.1evil.example", "127.0.0.1..",
      "127.0.0", "127.0.0.1.1", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.256", "127.0.0.01", "127.0.0.+1",
      "+127.0.0.1", "127.0.0.-0", "1.2.3.", ".1.2.3.4", "1..2.3", "::1", "[::1].evil.example", "[::1]evil.example:80",
      "[::1", "[]", "[]:80", "[evil.example]", "[evil.example]:80", "[::1]]", "[127.0.0.1]", "[::1]:x", "[::1%25lo]",
      "evil.example]", "x[::1]", "evil.example[::1]", ":", "user@localhost", "localhost, evil.example",
    ])
  func foreignHosts(host: String) {
    for route in [Self.reads, Self.explain, Self.changes] {
      let refusal = Self.refusal(Self.loopback(ownName: "weir.internal"), route, [("Host", host)])
      #expect(refusal?.status == 421)
      #expect(refusal?.detail.contains("\"\(host)\"") == true)
    }
  }

  @Test("the listener's name counts only where it has one")
  func ownName() {
    #expect(Self.status(Self.loopback(), Self.reads, [("Host", "weir.internal")]) == 421)
    #expect(Self.status(Self.loopback(ownName: "other"), Self.reads, [("Host", "weir.internal")]) == 421)
  }

  // MARK: Other sites

  @Test("what a page of another site sends is refused, with whatever Host and token")
  func crossSite() throws {
    let rig = try Rig("secret")
    for route in [Self.reads, Self.explain, Self.changes] {
      for site in ["cross-site", "same-site", "", "Same-Origin", "same-origin, none", "same-origin, cross-site", "x"] {
        let headers = [("Host", "localhost"), ("Sec-Fetch-Site", site)]
        #expect(Self.status(Self.loopback(), route, headers) == 403, "\(site)")
        #expect(Self.status(rig.guardian, route, headers + [("Authorization", "Bearer secret")]) == 403, "\(site)")
      }
      for site in ["same-origin", "none"] {
        #expect(Self.status(Self.loopback(), route, [("Host", "localhost"), ("Sec-Fetch-Site", site)]) == nil)
      }
    }
  }

  @Test("an Origin is this listener's, to the letter and with its port, or refused; a proxy in front may speak TLS")
  func origins() {
    let host = ("Host", "127.0.0.1:7430")
    for route in [Self.reads, Self.explain, Self.changes] {
      for origin in ["http://127.0.0.1:7430", "https://127.0.0.1:7430"] {
        #expect(Self.status(Self.loopback(), route, [host, ("Origin", origin)]) == nil, "\(origin)")
      }
      for origin in [
        "null", "", "http://127.0.0.1", "http://127.0.0.1:8080", "https://127.0.0.1", "http://localhost:7430",
        "ftp://127.0.0.1:7430",
        "http://evil.example", "https://evil.example", "https://", "http://127.0.0.1:7430.evil.example",
        "http://127.0.0.1:7430/", "127.0.0.1:7430",
        "http://evil.example, http://127.0.0.1:7430", "http://",
      ] {
        #expect(Self.status(Self.loopback(), route, [host, ("Origin", origin)]) == 403, "\(origin)")
      }
      #expect(Self.status(Self.loopback(), route, [("Origin", "http://localhost")]) == 403, "without a Host")
    }
  }

  // MARK: The content type

  @Test("a body is JSON, with or without parameters, or refused: a form can send none")
  func contentTypes() {
    let host = ("Host", "localhost")
    for route in [Self.explain, Self.changes] {
      for type in [
        "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;x",
        "application/json ;a=b", "application/json\t; a",
      ] {
        #expect(Self.status(Self.loopback(), route, [host, ("Content-Type", type)], json: false) == nil, "\(type)")
      }
      for type in [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json",
        "text/plain; application/json", "application/jsonx", "application/json2", "xapplication/json",
        "application/problem+json", "application/json text/plain", "application/json, text/plain",
        "text/plain, application/json", ";application/json", "application", "json",
      ] {
        #expect(Self.status(Self.loopback(), route, [host, ("Content-Type", type)], json: false) == 415, "\(type)")
      }
      #expect(Self.status(Self.loopback(), route, [host], json: false) == 415)
    }
    #expect(
      Self.status(Self.loopback(), Self.reads, [host, ("Content-Type", "text/plain")]) == nil, "it takes no body")
  }

  // MARK: Pages for everybody

  @Test("an open page is there for any Host, site and token, on loopback and elsewhere")
  func open() throws {
    let headers = [
      ("Host", "evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "http://evil.example"),
      ("Authorization", "Bearer wrong"),
    ]
    for method: StaticString in ["GET", "POST"] {
      let route = Self.route(.open, method)
      for isLoopback in [true, false] {
        let guardian = AdminGuard(isLoopback: isLoopback, ownName: nil, tokenFile: nil)
        #expect(Self.status(guardian, route, headers, json: false) == nil)
        #expect(try Self.status(Rig(nil, isLoopback: isLoopback).guardian, route, headers, json: false) == nil)
      }
    }
  }

  // MARK: The token

  @Test("off loopback without a token file, changes are refused and reading is open")
  func notLoopback() {
    let guardian = AdminGuard(isLoopback: false, ownName: "0.0.0.0", tokenFile: nil)
    for authorization in [[], [("Authorization", "Bearer secret")]] {
      let refusal = Self.refusal(guardian, Self.changes, [("Host", "192.0.2.1")] + authorization)
      #expect(refusal?.status == 403 && refusal?.detail.contains("--admin-token-file") == true)
      #expect(Self.status(guardian, Self.reads, [("Host", "192.0.2.1")] + authorization) == nil)
      #expect(Self.status(guardian, Self.explain, [("Host", "192.0.2.1")] + authorization) == nil)
    }
    #expect(Self.status(guardian, Self.reads, [("Host", "evil.example")]) == 421)
  }

  @Test(
    "with a token file changes need the token, on loopback and elsewhere; reading does not", arguments: [true, false])
  func token(isLoopback: Bool) throws {
    let rig = try Rig("s3cret-Token\n", isLoopback: isLoopback)
    #expect(rig.change("Bearer s3cret-Token") == nil)
    #expect(rig.change(nil) == 401)
    #expect(rig.read(nil) == nil && rig.read("Bearer wrong") == nil && rig.read("Bearer s3cret-Token") == nil)
  }

  @Test("the token is the whole token: the scheme in any case, the rest to the letter")
  func bearer() throws {
    let rig = try Rig("s3cret-Token")
    for right in ["bearer s3cret-Token", "BEARER s3cret-Token"] { #expect(rig.change(right) == nil, "\(right)") }
    for wrong in [
      "", "Bearer", "Bearer ", "s3cret-Token", "Basic s3cret-Token", "Bearer  s3cret-Token", "Bearer\ts3cret-Token",
      "Bearer s3cret-Toke", "Bearer s3cret-Token1", "Bearer s3cret-token", "Bearer S3cret-Token", "Bearer s",
      "Bearers3cret-Token", "Bearer s3cret-Token, Bearer s3cret-Token", "Bearer \u{301}s3cret-Token", "Bearer *",
      "xBearer s3cret-Token", "Token s3cret-Token", "Bearer s3cret-Token;",
    ] {
      #expect(rig.change(wrong) == 401, "\(wrong)")
    }
    #expect(
      Self.refusal(rig.guardian, Self.changes, [("Host", "localhost")])?.detail == "send Authorization: Bearer TOKEN")
    let two = [
      ("Host", "localhost"), ("Authorization", "Bearer s3cret-Token"), ("Authorization", "Bearer s3cret-Token"),
    ]
    #expect(Self.status(rig.guardian, Self.changes, two) == 401)
  }

  @Test("who shows the token may use any name for the listener; who does not may not")
  func tokenAndHost() throws {
    let rig = try Rig("secret", isLoopback: false)
    #expect(rig.change("Bearer secret", host: "weir.example:7430") == nil)
    #expect(rig.read("Bearer secret", host: "weir.example:7430") == nil)
    #expect(rig.read(nil, host: "weir.example:7430") == 421 && rig.read("Bearer wrong", host: "weir.example") == 421)
    #expect(rig.change(nil, host: "weir.example:7430") == 401)
  }

  @Test("the token can be exchanged while weir runs; without one in the file nobody may do anything")
  func exchange() throws {
    let rig = try Rig("first\n")
    #expect(rig.change("Bearer first") == nil && rig.change("Bearer second") == 401)
    try rig.directory.replace("token", "second\n")
    #expect(rig.change("Bearer first") == 401 && rig.change("Bearer second") == nil)
    try rig.directory.remove("token")
    for authorization in [nil, "Bearer second", "Bearer ", "Bearer"] {
      #expect(rig.change(authorization) == 503 && rig.read(authorization) == 503)
    }
    try rig.directory.write("token", "third")
    #expect(rig.change("Bearer third") == nil && rig.change("Bearer second") == 401)
  }

  @Test(
    "the token is the first line of the file, without blanks at its end",
    arguments: ["tok en", "tok en\n", "tok en\r\n", "tok en\nsecond line", "tok en \t\n", "tok en\r"])
  func firstLine(text: String) throws {
    let rig = try Rig(text)
    #expect(rig.change("Bearer tok en") == nil)
    #expect(rig.change("Bearer second line") == 401 && rig.change("Bearer tok") == 401)
  }

  @Test(
    "a file that is empty, begins with an empty line or holds no text has no token, and gives nobody access",
    arguments: ["", "\n", "\r\n", " \n", "\t", "\nsecond", "\u{0}", "tok\u{0}en", "t\u{e9}", "a\u{7f}"])
  func noToken(text: String) throws {
    let rig = try Rig(text)
    for authorization in [nil, "Bearer ", "Bearer second", "Bearer \u{fffd}", "Bearer t\u{e9}", "Bearer tok"] {
      #expect(rig.change(authorization) == 503, "\(authorization ?? "none")")
    }
    let directory = try TemporaryDirectory()
    #expect(AdminGuard.token(in: directory.path) == nil, "a directory")
    #expect(AdminGuard.token(in: directory.file("none")) == nil)
  }

  @Test("a pipe has no token, whether somebody writes to it or not, and holds nobody up")
  func pipe() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("pipe")
    #expect(unsafe mkfifo(path, 0o600) == 0)
    #expect(AdminGuard.token(in: path) == nil)
    let descriptor = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(unsafe write(descriptor, "token\n", 6) == 6)
    #expect(AdminGuard.token(in: path) == nil)
  }

  @Test("a token that is too long is none, rather than its beginning")
  func longToken() throws {
    let longest = String(repeating: "t", count: Bounds.adminToken)
    #expect(try Rig(longest + "\nmore").change("Bearer " + longest) == nil)
    #expect(try Rig(longest + "t").change("Bearer " + longest) == 503)
  }
}
