// HealthOptionsTests.swift: whom `weir health` asks.

import Testing

@testable import Sidecar

@Suite struct HealthOptionsTests {
  private func address(_ arguments: [String], _ environment: [String: String] = [:]) throws -> String {
    try HealthOptions.parse(arguments: arguments, environment: environment).address.text
  }

  @Test("the address is the flag's, else the admin listener's, the metrics listener's, the first data listener's")
  func order() throws {
    #expect(try address([]) == "127.0.0.1:7430")
    #expect(try address([], ["WEIR_ADMIN": "10.0.0.1:1"]) == "10.0.0.1:1")
    #expect(try address([], ["WEIR_ADMIN": "off"]) == "127.0.0.1:7429")
    #expect(try address([], ["WEIR_ADMIN": "off", "WEIR_LISTEN": "unix:/a?mode=0600,:1"]) == "unix:/a?mode=0600")
    #expect(try address([], ["WEIR_ADMIN": "off", "WEIR_METRICS": ":9", "WEIR_LISTEN": ":1"]) == "127.0.0.1:9")
    #expect(try address([], ["WEIR_ADMIN": "off", "WEIR_METRICS": "off", "WEIR_LISTEN": ":1"]) == "127.0.0.1:1")
    #expect(try address(["--address", "[::1]:2"], ["WEIR_ADMIN": "nonsense"]) == "[::1]:2")
    #expect(try address(["--address=unix:/a"], ["WEIR_ADMIN": "off"]) == "unix:/a")
  }

  @Test("a listener whose port the system chose is passed over while there is another")
  func chosenPorts() throws {
    #expect(try address([], ["WEIR_ADMIN": ":0"]) == "127.0.0.1:7429")
    #expect(try address([], ["WEIR_ADMIN": ":0", "WEIR_LISTEN": ":0,unix:/a"]) == "unix:/a")
    #expect(try address([], ["WEIR_ADMIN": "off", "WEIR_METRICS": ":0", "WEIR_LISTEN": ":0,:2"]) == "127.0.0.1:2")
  }

  @Test(
    "a server on all interfaces is asked on loopback",
    arguments: [
      (":7430", "127.0.0.1:7430"), ("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("[0::0]:1", "[::1]:1"),
    ])
  func wildcard(given: String, asked: String) throws {
    #expect(try address(["--address", given]) == asked)
    #expect(try address([], ["WEIR_ADMIN": given]) == asked)
  }

  @Test("nobody can be asked on port 0, and a wrong variable is named")
  func errors() {
    #expect(throws: UsageError("WEIR_ADMIN \":0\": expected a port to connect to, 1 to 65535")) {
      try self.address([], ["WEIR_ADMIN": ":0", "WEIR_LISTEN": "a:0"])
    }
    #expect(throws: UsageError("--address \"a:0\": expected a port to connect to, 1 to 65535")) {
      try self.address(["--address", "a:0"])
    }
    #expect(throws: UsageError("WEIR_ADMIN \"of\": expected \(ListenAddress.expected); the port is missing")) {
      try self.address([], ["WEIR_ADMIN": "of"])
    }
    #expect(throws: UsageError("unexpected argument \"x\": expected flags only; weir is asked at --address ADDR")) {
      try self.address(["x"])
    }
  }
}
