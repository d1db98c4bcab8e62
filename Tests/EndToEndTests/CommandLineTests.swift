// CommandLineTests.swift: the commands of the binary, their exit codes and their words.

import Glibc
import TestKit
import Testing

@Suite struct CommandLineTests {
  static let good = "policies: [{name: a, algorithm: token-bucket, limit: 3, period: 1m}]"

  @Test("version says the name and the version")
  func version() throws {
    let result = try WeirProcess.run(["version"])
    #expect(result.status == .exited(0))
    #expect(result.output.hasPrefix("weir "))
    #expect(result.output.contains { $0.isNumber })
  }

  @Test(
    "help names every command, and each command has help of its own",
    arguments: [
      ["help"], ["--help"], ["help", "serve"], ["serve", "--help"], ["help", "validate"], ["help", "explain"],
      ["help", "health"],
    ])
  func help(arguments: [String]) throws {
    let result = try WeirProcess.run(arguments)
    #expect(result.status == .exited(0))
    if arguments.count == 1 {
      for word in ["serve", "validate", "explain", "health", "version", "help"] {
        #expect(result.output.contains(word), "\(word)")
      }
    } else {
      #expect(result.output.contains(arguments.first { !$0.hasPrefix("-") && $0 != "help" } ?? ""))
    }
  }

  @Test("help serve lists every flag with its environment variable")
  func flags() throws {
    let text = try WeirProcess.run(["help", "serve"]).output
    for flag in [
      "policies", "listen", "admin", "metrics", "redis", "redis-timeout", "fallback-share", "threads", "max-keys",
      "trusted-proxies", "target-header", "method-header", "host-header", "client-ip-header", "ipv6-prefix",
      "deny-status", "deny-body", "json-form", "ietf-headers", "reset", "shadow", "log-level", "log-format", "drain",
      "drain-delay", "hash-keys",
    ] {
      #expect(text.contains("--" + flag), "\(flag)")
      let variable = "WEIR_" + flag.uppercased().split(separator: "-").joined(separator: "_")
      #expect(text.contains(variable), "\(variable)")
    }
  }

  @Test(
    "an unknown flag, or a value that does not parse, names the flag and what is expected, exit 64",
    arguments: [
      (["serve", "--lisen", ":0"], ["--lisen", "--listen"]), (["serve", "--threads", "many"], ["--threads", "many"]),
      (["serve", "--threads", "0"], ["--threads", "0"]),
      (["serve", "--drain", "10fortnights"], ["--drain", "10fortnights"]),
      (["serve", "--deny-status", "200"], ["--deny-status", "200", "429"]),
      (["serve", "--reset", "x"], ["--reset", "delta"]),
      (["serve", "--trusted-proxies", "10.0.0.0/99"], ["--trusted-proxies", "10.0.0.0/99"]),
      (["serve", "--listen", "nonsense"], ["--listen", "nonsense"]),
      (["serve", "--log-level", "loud"], ["--log-level", "loud"]),
      (["serve", "--target-header", "a b"], ["--target-header", "a b"]),
      (["serve", "--json-form", "maybe"], ["on", "off"]),
      (["serve", "--redis", "rediss://h?key=k"], ["--redis", "?cert="]),
      (["serve", "--threads"], ["--threads"]), (["srve"], ["srve", "serve"]),
      (["validate", "--nonsense"], ["--nonsense"]),
    ])
  func usage(arguments: [String], words: [String]) throws {
    let result = try WeirProcess.run(arguments)
    #expect(result.status == .exited(64))
    for word in words { #expect(result.errors.contains(word), "\(word) in: \(result.errors)") }
    #expect(result.output.isEmpty)
  }

  @Test("a wrong environment variable is named, and a flag wins over a right one")
  func environment() throws {
    let result = try WeirProcess.run(["serve"], environment: ["WEIR_THREADS": "many"])
    #expect(result.status == .exited(64))
    #expect(result.errors.contains("WEIR_THREADS"))
    let weir = try WeirProcess(
      "policies: [{name: a, algorithm: token-bucket, limit: 1, period: 1h, cost: 2}]",
      arguments: ["--deny-status", "403"],
      environment: ["WEIR_DENY_STATUS": "401", "WEIR_DENY_BODY": "off", "WEIR_LISTEN": "127.0.0.1:1,127.0.0.1:2"])
    let denied = try weir.request("GET", "/check/a")
    #expect(denied.status == 403)
    #expect(denied.body.isEmpty)
  }

  @Test("validate: right policies are listed, exit 0")
  func validate() throws {
    let directory = try TemporaryDirectory()
    try directory.write("a.yaml", Self.good)
    for path in [directory.path, directory.file("a.yaml")] {
      let result = try WeirProcess.run(["validate", path])
      #expect(result.status == .exited(0))
      #expect(result.output.contains("token-bucket"))
    }
    let json = try WeirProcess.run(["validate", "--format", "json", directory.path])
    #expect(json.status == .exited(0))
    #expect(JSON(json.output)?["valid"]?.bool == true)
  }

  @Test("validate: all errors of all files with file, line and column and the nearest word, exit 65; serve the same")
  func invalid() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "a.yaml", "policies:\n  - name: a\n    algorithm: token-buckt\n    limit: 3\n    period: 10/fortnight\n")
    try directory.write("b.yaml", "policies:\n  - name: b\n    algorithm: fixed-window\n    limit: 0\n    perod: 1m\n")
    try directory.write("c.yaml", "")
    for arguments in [
      ["validate", directory.path],
      ["serve", "--policies", directory.path, "--listen", "127.0.0.1:0", "--admin", "off"],
    ] {
      let result = try WeirProcess.run(arguments)
      #expect(result.status == .exited(65))
      let text = result.output + result.errors
      for part in [
        "a.yaml:3:", "token-bucket", "a.yaml:5:", "10/fortnight", "b.yaml:4:", "b.yaml:5:", "period", "c.yaml:1:",
      ] {
        #expect(text.contains(part), "\(part) in \(arguments[0]): \(text)")
      }
    }
  }

  @Test("validate warns of a header key that can be left out, and still exits 0")
  func warning() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "a.yaml", "policies: [{name: a, key: [header.x-id], algorithm: token-bucket, limit: 3, period: 1m}]")
    let result = try WeirProcess.run(["validate", directory.path])
    #expect(result.status == .exited(0))
    #expect((result.output + result.errors).contains("warning"))
  }

  @Test("validate notes policies that need two steps, for a Redis cluster only, and exits 0")
  func slotNotes() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "a.yaml", "policies: [{name: a, limit: 3, period: 1m}, {name: b, key: ip, limit: 3, period: 1m}]")
    let cluster = ["validate", directory.path, "--redis", "redis-cluster://h1,h2"]
    let result = try WeirProcess.run(cluster)
    #expect(result.status == .exited(0))
    #expect(
      result.output.hasPrefix("note: domain default: in a Redis cluster a check that matches \"a\" (no key) and \"b\""))
    let json = try WeirProcess.run(cluster + ["--format", "json"])
    #expect(JSON(json.output)?["notes"]?.array?.count == 1 && JSON(json.output)?["diagnostics"]?.array?.isEmpty == true)
    for redis in [[], ["--redis", "redis://h1"]] {
      #expect(!(try WeirProcess.run(["validate", directory.path] + redis).output.contains("note:")))
    }
  }

  @Test("a missing PATH prevents the start: exit 1, and the message names it")
  func missingPath() throws {
    let result = try WeirProcess.run(["serve", "--policies", "/nonexistent/policies", "--listen", "127.0.0.1:0"])
    #expect(result.status == .exited(1))
    #expect(result.errors.contains("/nonexistent/policies"))
    #expect(result.errors.contains("WEIR_POLICIES"), "it says what to do")
  }

  @Test("store: redis without --redis is an error of the policy file")
  func redisPolicy() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "a.yaml", "policies: [{name: a, algorithm: token-bucket, limit: 3, period: 1m, store: redis}]")
    let result = try WeirProcess.run(["serve", "--policies", directory.path, "--admin", "off"])
    #expect(result.status == .exited(65))
    #expect(result.errors.contains("redis"))
  }

  @Test("policies is the default path, and the environment can name another")
  func defaultPath() throws {
    let directory = try TemporaryDirectory()
    try directory.makeDirectory("policies")
    try directory.write("policies/a.yaml", Self.good)
    #expect(try WeirProcess.run(["validate"], directory: directory.path).status == .exited(0))
    try directory.makeDirectory("others")
    try directory.write("others/a.yaml", "policies: [{name: a}]")
    let result = try WeirProcess.run(["validate"], environment: ["WEIR_POLICIES": "others"], directory: directory.path)
    #expect(result.status == .exited(65))
  }

  @Test("health asks a running weir, exit 0, and says why not, exit 1")
  func health() throws {
    let weir = try WeirProcess(Self.good)
    let admin = try #require(weir.admin).text
    #expect(try WeirProcess.run(["health", "--address", admin]).status == .exited(0))
    #expect(try WeirProcess.run(["health"], environment: ["WEIR_ADMIN": admin]).status == .exited(0))
    weir.signal(SIGSTOP)
    let stopped = try WeirProcess.run(["health", "--address", admin])
    #expect(stopped.status == .exited(1))
    #expect(stopped.errors.contains("did not answer in time"))
    weir.signal(SIGCONT)
    try weir.terminate()
    let result = try WeirProcess.run(["health", "--address", admin])
    #expect(result.status == .exited(1))
    #expect(!result.errors.isEmpty)
  }

  @Test("health finds a listener by the server's own variables, whatever it listens on")
  func healthByVariables() throws {
    let directory = try TemporaryDirectory()
    let socket = "unix:\(directory.file("s"))?mode=0600"
    let weir = try WeirProcess(
      Self.good, listen: ["127.0.0.1:0", "[::]:0", socket], arguments: ["--admin", "off", "--metrics", ":0"])
    let everywhere = weir.listen[1].text
    let metrics = try #require(weir.metrics).text
    for variables in [
      ["WEIR_ADMIN": "off", "WEIR_METRICS": metrics, "WEIR_LISTEN": "127.0.0.1:1"],
      ["WEIR_ADMIN": "off", "WEIR_LISTEN": weir.listen[0].text], ["WEIR_ADMIN": "off", "WEIR_LISTEN": everywhere],
      ["WEIR_ADMIN": "off", "WEIR_LISTEN": socket], ["WEIR_ADMIN": "off", "WEIR_LISTEN": "127.0.0.1:0,\(socket)"],
    ] {
      let result = try WeirProcess.run(["health"], environment: variables)
      #expect(result.status == .exited(0), "\(variables): \(result.errors)")
    }
    #expect(try WeirProcess.run(["health"], environment: ["WEIR_ADMIN": "127.0.0.1:1"]).status == .exited(1))
  }
}
