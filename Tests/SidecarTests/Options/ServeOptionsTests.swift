// ServeOptionsTests.swift: every flag of `weir serve`: good values, bad values with the exact line, variables,
// precedence.

import Policies
import Testing

@testable import Sidecar

@Suite struct ServeOptionsTests {
  static let rows = ServeOptions.table.flatMap(\.rows)

  private func parse(_ arguments: [String], _ environment: [String: String] = [:]) throws -> ServeOptions {
    try ServeOptions.parse(arguments: arguments, environment: environment)
  }

  private func complaint(_ arguments: [String], _ environment: [String: String] = [:]) -> String? {
    do throws(UsageError) {
      _ = try ServeOptions.parse(arguments: arguments, environment: environment)
      return nil
    } catch {
      return error.message
    }
  }

  /// A flag, a good value, and what it does to the defaults.
  struct Good: Sendable, CustomTestStringConvertible {
    var flag: String
    var value: String
    var set: @Sendable (inout ServeOptions) -> Void
    var testDescription: String { "\(flag) \(value)" }

    init(_ flag: String, _ value: String, _ set: @escaping @Sendable (inout ServeOptions) -> Void) {
      self.flag = flag
      self.value = value
      self.set = set
    }
  }

  /// A case by its raw value, for enumerations of rooms that these tests do not import.
  private static func word<Word: RawRepresentable>(_ raw: Word.RawValue) -> Word? { Word(rawValue: raw) }

  static let good: [Good] = [
    Good("--policies", "/etc/weir") { $0.policies = "/etc/weir" },
    Good("--listen", ":8080") { $0.listen = [ServeOptions.address(":8080")] },
    Good("--admin", "unix:/run/a.sock") { $0.admin = ServeOptions.address("unix:/run/a.sock") },
    Good("--admin", "off") { $0.admin = nil },
    Good("--metrics", "0.0.0.0:9100") { $0.metrics = ServeOptions.address("0.0.0.0:9100") },
    Good("--metrics", "off") { _ in },
    Good("--admin-token-file", "/run/token") { $0.adminTokenFile = "/run/token" },
    Good("--redis", "redis://h") { $0.redis = try? RedisURL("redis://h") },
    Good("--redis-password-file", "/run/pw") { $0.redisPasswordFile = "/run/pw" },
    Good("--redis-timeout", "1s500ms") { $0.redisTimeout = 1_500_000_000 },
    Good("--redis-timeout", "1m") { $0.redisTimeout = 60_000_000_000 },
    Good("--fallback-share", "off") { $0.sharesFallback = false },
    Good("--threads", "1") { $0.threads = 1 },
    Good("--threads", "1024") { $0.threads = 1024 },
    Good("--max-keys", "1") { $0.maximumKeys = 1 },
    Good("--max-keys", "1000000000") { $0.maximumKeys = 1_000_000_000 },
    Good("--trusted-proxies", "none") { $0.trustedProxies = [] },
    Good("--trusted-proxies", "127.0.0.0/8, ::1/128") { _ in },
    Good("--target-header", "X-Original-URI") { $0.targetHeader = "x-original-uri" },
    Good("--method-header", "X-Original-Method") { $0.methodHeader = "x-original-method" },
    Good("--host-header", "X-Original-Host") { $0.hostHeader = "x-original-host" },
    Good("--client-ip-header", "CF-Connecting-IP") { $0.clientIPHeader = "cf-connecting-ip" },
    Good("--ipv6-prefix", "0") { $0.ipv6Prefix = 0 },
    Good("--ipv6-prefix", "128") { $0.ipv6Prefix = 128 },
    Good("--json-form", "off") { $0.acceptsJSONForm = false },
    Good("--deny-status", "401") { $0.denyStatus = 401 },
    Good("--deny-status", "403") { $0.denyStatus = 403 },
    Good("--deny-body", "off") { $0.hasDenyBody = false },
    Good("--ietf-headers", "on") { $0.hasIETFHeaders = true },
    Good("--reset", "delta") { $0.reset = .delta },
    Good("--log-level", "error") { $0.logLevel = word(3) ?? $0.logLevel },
    Good("--log-denials", "1/s") { $0.loggedDenials = 1 },
    Good("--log-denials", "1000/s") { $0.loggedDenials = 1000 },
    Good("--log-denials", "off") { _ in },
    Good("--log-format", "json") { $0.logFormat = word("json") },
    Good("--drain", "0s") { $0.drain = 0 },
    Good("--drain", "1d") { $0.drain = 86_400_000_000_000 },
    Good("--drain-delay", "5s") { $0.drainDelay = 5_000_000_000 },
  ]

  @Test("a value means the same after a space, after = and in the variable", arguments: good)
  func goodValue(_ good: Good) throws {
    var expected = ServeOptions()
    good.set(&expected)
    let row = try #require(Self.rows.first { $0.flag == good.flag })
    let variable = try #require(row.variable)
    #expect(try parse([good.flag, good.value]) == expected)
    #expect(try parse(["\(good.flag)=\(good.value)"]) == expected)
    #expect(try parse([], [variable: good.value]) == expected)
  }

  /// Flags without a value.
  static let switches = ["--shadow", "--hash-keys"]

  @Test("every flag is tried here with a good value, and with a bad one if it has any")
  func complete() {
    let tried = Set(Self.good.map(\.flag)).union(Self.switches)
    #expect(tried == Set(Self.rows.map(\.flag)))
    #expect(Set(Self.bad.map(\.0)).union(Self.switches) == tried)
  }

  static let address = "host:port, [::1]:port, :port or unix:/path?mode=0660&group=NAME"
  static let bad: [(String, String, String)] = [
    ("--policies", "", "a path"),
    ("--listen", "7429", "\(address); the port is missing"),
    ("--admin", "localhost:99999", "\(address); a port is 0 to 65535"),
    ("--metrics", "::1:80", "\(address); an IPv6 address stands in brackets"),
    ("--admin-token-file", "", "a path"),
    ("--redis-password-file", "", "a path"),
    ("--redis", "h/0", RedisURL.expected()),
    ("--redis-timeout", "0s", "a duration such as 250ms, 10s or 1h30m, 1ms to 1m"),
    ("--redis-timeout", "61s", "a duration such as 250ms, 10s or 1h30m, 1ms to 1m"),
    ("--redis-timeout", "50", "a duration such as 250ms, 10s or 1h30m, 1ms to 1m"),
    ("--fallback-share", "of", "on or off"),
    ("--log-denials", "10", "off, or a number a second such as 10/s, 1/s to 1000/s"),
    ("--log-denials", "0/s", "off, or a number a second such as 10/s, 1/s to 1000/s"),
    ("--log-denials", "1001/s", "off, or a number a second such as 10/s, 1/s to 1000/s"),
    ("--log-denials", "/s", "off, or a number a second such as 10/s, 1/s to 1000/s"),
    ("--log-denials", "+1/s", "off, or a number a second such as 10/s, 1/s to 1000/s"),
    ("--log-denials", "10/m", "off, or a number a second such as 10/s, 1/s to 1000/s"),
    ("--log-denials", "", "off, or a number a second such as 10/s, 1/s to 1000/s"),
    ("--fallback-share", "true", "on or off"),
    ("--threads", "0", "a whole number, 1 to 1024"),
    ("--threads", "+2", "a whole number, 1 to 1024"),
    ("--threads", "1025", "a whole number, 1 to 1024"),
    ("--max-keys", "0", "a whole number, 1 to 1000000000"),
    ("--max-keys", "1e6", "a whole number, 1 to 1000000000"),
    ("--max-keys", "99999999999999999999", "a whole number, 1 to 1000000000"),
    ("--trusted-proxies", "10.0.0.0/33", "networks such as 10.0.0.0/8,fd00::/8, addresses, or none"),
    ("--trusted-proxies", "proxy", "networks such as 10.0.0.0/8,fd00::/8, addresses, or none"),
    ("--target-header", "X Uri", "the name of a header: letters, digits and any of !#$%&'*+-.^_`|~"),
    ("--method-header", "", "the name of a header: letters, digits and any of !#$%&'*+-.^_`|~"),
    ("--host-header", "Host:", "the name of a header: letters, digits and any of !#$%&'*+-.^_`|~"),
    ("--client-ip-header", "é", "the name of a header: letters, digits and any of !#$%&'*+-.^_`|~"),
    ("--ipv6-prefix", "129", "a whole number, 0 to 128"),
    ("--ipv6-prefix", "-1", "a whole number, 0 to 128"),
    ("--json-form", "ON", "on or off"),
    ("--deny-status", "200", "401, 403 or 429"),
    ("--deny-body", "no", "on or off"),
    ("--ietf-headers", "1", "on or off"),
    ("--reset", "epoc", "epoch or delta"),
    ("--log-level", "warn", "debug, info, warning or error; the nearest is warning"),
    ("--log-level", "INFO", "debug, info, warning or error; the nearest is info"),
    ("--log-format", "logfmt", "text or json"),
    ("--drain", "2d", "a duration such as 250ms, 10s or 1h30m, 0s to 1d"),
    ("--drain", "-1s", "a duration such as 250ms, 10s or 1h30m, 0s to 1d"),
    ("--drain-delay", "10w", "a duration such as 250ms, 10s or 1h30m, 0s to 1d"),
  ]

  @Test("a wrong value is one line: the flag or the variable, what was given, what is expected", arguments: bad)
  func badValue(flag: String, value: String, expected: String) throws {
    let row = try #require(Self.rows.first { $0.flag == flag })
    let variable = try #require(row.variable)
    #expect(complaint(["\(flag)=\(value)"]) == "\(flag) \"\(value)\": expected \(expected)")
    if !value.isEmpty {
      #expect(complaint([flag, value]) == "\(flag) \"\(value)\": expected \(expected)")
      #expect(complaint([], [variable: value]) == "\(variable) \"\(value)\": expected \(expected)")
    }
  }

  @Test("the bad item of a list is the one that is shown")
  func badItem() {
    let expected = "networks such as 10.0.0.0/8,fd00::/8, addresses, or none"
    #expect(
      complaint(["--trusted-proxies", "10.0.0.0/8, 10.1/8"]) == "--trusted-proxies \"10.1/8\": expected \(expected)")
    #expect(complaint(["--trusted-proxies", "10.0.0.0/8,"]) == "--trusted-proxies \"\": expected \(expected)")
  }

  @Test("a flag wins over its variable, whose value is then not looked at")
  func precedence() throws {
    #expect(try parse(["--threads", "3"], ["WEIR_THREADS": "many"]).threads == 3)
    #expect(try parse(["--listen", ":1"], ["WEIR_LISTEN": ":2,:3"]).listen.map(\.text) == [":1"])
  }

  @Test("an empty variable counts as unset, and variables of others do no harm")
  func emptyVariable() throws {
    var environment = ["WEIR_SERVICE_HOST": "10.0.0.1", "WEIR_PORT": "tcp://10.0.0.1:7429", "PATH": "/bin"]
    for row in Self.rows { environment[row.variable ?? ""] = "" }
    #expect(try parse([], environment) == ServeOptions())
  }

  @Test("--listen may be given several times, its variable holds several with commas")
  func listeners() throws {
    let texts = ["127.0.0.1:1", "[::1]:1", "unix:/run/weir.sock?mode=0600&group=web"]
    #expect(try parse(texts.flatMap { ["--listen", $0] }).listen.map(\.text) == texts)
    #expect(try parse([], ["WEIR_LISTEN": texts.joined(separator: " ,")]).listen.map(\.text) == texts)
    #expect(complaint([], ["WEIR_LISTEN": ":1,"])?.hasPrefix("WEIR_LISTEN \"\": expected host:port") == true)
  }

  @Test("every other flag given twice is an error", arguments: rows.filter { !$0.isRepeatable }.map(\.flag))
  func twice(flag: String) {
    let arguments = Self.switches.contains(flag) ? [flag, flag] : [flag, "off", flag + "=off"]
    #expect(complaint(arguments) == "\(flag) is given twice: expected once")
  }

  @Test("--shadow takes no value, though =on and =off are understood; its variable says on or off")
  func shadow() throws {
    #expect(try parse(["--shadow"]).isShadow)
    #expect(try parse(["--shadow=on"]).isShadow)
    #expect(try !parse(["--shadow=off"], ["WEIR_SHADOW": "on"]).isShadow)
    #expect(try parse([], ["WEIR_SHADOW": "on"]).isShadow)
    #expect(try !parse([], ["WEIR_SHADOW": "off"]).isShadow)
    #expect(complaint([], ["WEIR_SHADOW": "1"]) == "WEIR_SHADOW \"1\": expected on or off")
    #expect(try parse(["--shadow", "--deny-body", "off"]).hasDenyBody == false)
  }

  @Test("--hash-keys is off by default and takes no value either")
  func hashKeys() throws {
    #expect(try parse(["--hash-keys"]).hashesKeys)
    #expect(try !parse([]).hashesKeys)
    #expect(try parse([], ["WEIR_HASH_KEYS": "on"]).hashesKeys)
    #expect(try !parse(["--hash-keys=off"], ["WEIR_HASH_KEYS": "on"]).hashesKeys)
    #expect(complaint([], ["WEIR_HASH_KEYS": "yes"]) == "WEIR_HASH_KEYS \"yes\": expected on or off")
  }

  @Test(
    "an unknown flag is named with the nearest one, and its value is not shown",
    arguments: [
      ("--lisen", "--listen"), ("--listen-addr=secret", "--listen"), ("--treads", "--threads"),
      ("--max-key", "--max-keys"), ("--redis-password=hunter2", "--redis-password-file"), ("-p", "--drain"),
      ("--hlep", "--help"), ("--trusted-proxy", "--trusted-proxies"), ("--LOG-LEVEL", "--log-level"),
      ("--drain_delay", "--drain-delay"), ("--shaodw", "--shadow"),
    ])
  func unknownFlag(given: String, nearest: String) {
    let name = given.split(separator: "=")[0]
    #expect(
      complaint([given]) == "unknown flag \"\(name)\": the nearest is \(nearest); \"weir help serve\" lists all"
        || given == "-p")
    #expect(complaint([given])?.contains("unknown flag \"\(name)\": the nearest is --") == true)
  }

  @Test("a flag without its value is an error, also where another flag follows")
  func missingValue() {
    #expect(complaint(["--listen"]) == "--listen has no value: expected --listen ADDR")
    #expect(complaint(["--reset", "--shadow"]) == "--reset has no value: expected --reset epoch|delta")
  }

  @Test("an argument that is no flag is an error")
  func operand() {
    let expected = "expected flags only; policies are named by --policies PATH"
    #expect(complaint(["policies"]) == "unexpected argument \"policies\": \(expected)")
    #expect(complaint(["--shadow", "off"]) == "unexpected argument \"off\": \(expected)")
    #expect(complaint(["--", "--shadow"]) == "unexpected argument \"--shadow\": \(expected)")
    #expect(complaint([""]) == "unexpected argument \"\": \(expected)")
    #expect(
      complaint(["redis://u:hunter2@h"]) == "unexpected argument \"redis://***@h\": \(expected)")
  }

  @Test("what was given cannot break the line or flood it")
  func hostileValue() {
    let line = complaint(["--reset", "a\nb\u{1b}[2J\u{202e}" + String(repeating: "x", count: 5_000)]) ?? ""
    #expect(line.hasPrefix(#"--reset "a\nb\u001b[2J\u202exxx"#))
    #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 })
    #expect(line.utf8.count < 400)
  }

  @Test(
    "no two listeners have one address, unless the system chooses the port",
    arguments: [
      (["--listen", ":1", "--listen", ":1"], "--listen \":1\": expected an address that --listen does not have"),
      (
        ["--listen", "LOCALHOST:1", "--listen", "localhost:1"],
        "--listen \"localhost:1\": expected an address that --listen does not have"
      ),
      (["--admin", "127.0.0.1:7429"], "--admin \"127.0.0.1:7429\": expected an address that --listen does not have"),
      (
        ["--metrics", "127.0.0.1:7430"], "--metrics \"127.0.0.1:7430\": expected an address that --admin does not have"
      ),
      (
        ["--listen", "unix:/a?mode=600", "--admin", "unix:/a"],
        "--admin \"unix:/a\": expected an address that --listen does not have"
      ),
      (["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--metrics", "127.0.0.1:0"], nil),
      (["--listen", "127.0.0.1:1", "--listen", "[::1]:1", "--admin", "127.0.0.1:2"], nil),
    ] as [([String], String?)])
  func collisions(arguments: [String], expected: String?) {
    #expect(complaint(arguments) == expected)
  }

  @Test("a password comes from the URL or from a file, not from both")
  func passwordTwice() throws {
    #expect(
      complaint(["--redis", "redis://u:p@h", "--redis-password-file", "/f"])
        == "--redis-password-file: expected a --redis without a password of its own")
    #expect(try parse(["--redis", "redis://u@h", "--redis-password-file", "/f"]).redisPasswordFile == "/f")
  }

  @Test("denials are logged as info, so a level above it is refused with them")
  func denialsBelowLevel() throws {
    let expected = "--log-denials: expected --log-level info or debug, since a denial is logged as info"
    #expect(complaint(["--log-denials", "5/s", "--log-level", "warning"]) == expected)
    #expect(complaint(["--log-level", "error"], ["WEIR_LOG_DENIALS": "5/s"]) == expected)
    #expect(complaint(["--log-denials", "5/s", "--log-level", "debug"]) == nil)
    #expect(complaint(["--log-denials", "off", "--log-level", "error"]) == nil)
  }

  @Test("who says nothing opens no door: listeners on loopback, no metrics listener, no proxy trusted but loopback")
  func closed() {
    let options = ServeOptions()
    #expect(options.listen.map(\.place) == [.tcp(host: "127.0.0.1", port: 7429)])
    #expect(options.admin?.place == .tcp(host: "127.0.0.1", port: 7430))
    #expect(options.metrics == nil)
    #expect(options.trustedProxies == IPNetwork.loopback)
  }

  @Test("the default that help shows is the one in force")
  func defaults() throws {
    let words = ["none", "the cores this process may use", "text on a terminal, else json"]
    for row in Self.rows where !words.contains(row.defaultText) {
      var options = ServeOptions()
      try row.apply(&options, [row.defaultText])
      #expect(options == ServeOptions(), "\(row.flag)")
    }
    #expect(try parse([]) == ServeOptions())
    #expect(ServeOptions().threads == nil)
    #expect(ServeOptions().redis == nil)
  }

  @Test("variables are named after their flags")
  func variables() {
    let names = Dictionary(uniqueKeysWithValues: Self.rows.map { ($0.flag, $0.variable) })
    #expect(names["--ipv6-prefix"] == "WEIR_IPV6_PREFIX")
    #expect(names["--client-ip-header"] == "WEIR_CLIENT_IP_HEADER")
    #expect(Set(Command.variables) == Set(Self.rows.compactMap(\.variable)))
  }

  @Test("a dump of the options shows no password")
  func dumped() throws {
    var text = ""
    dump(try parse(["--redis", "redis://user:hunter2@h"]), to: &text)
    #expect(text.contains("redis://***@h"))
    #expect(!text.contains("hunter2"))
    #expect(!"\(try parse(["--redis", "redis://user:hunter2@h"]))".contains("hunter2"))
  }
}
