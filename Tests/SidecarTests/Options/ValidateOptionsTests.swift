// ValidateOptionsTests.swift: the options of `weir validate`.

import Testing

@testable import Sidecar

@Suite struct ValidateOptionsTests {
  private func parse(_ arguments: [String], _ environment: [String: String] = [:]) throws -> ValidateOptions {
    try ValidateOptions.parse(arguments: arguments, environment: environment)
  }

  @Test("the path is the operand, else the flag, else the variable, else policies")
  func path() throws {
    #expect(try parse([]).policies == "policies")
    #expect(try parse([], ["WEIR_POLICIES": "e"]).policies == "e")
    #expect(try parse(["--policies", "f"], ["WEIR_POLICIES": "e"]).policies == "f")
    #expect(try parse(["p"], ["WEIR_POLICIES": "e"]).policies == "p")
    #expect(try parse(["--format", "json", "p"]).policies == "p")
    #expect(try parse(["--", "-p"]).policies == "-p")
  }

  @Test("the format is text or json")
  func format() throws {
    #expect(try parse(["p"]).format == .text)
    #expect(try parse(["p", "--format=json"]).format == .json)
    #expect(throws: UsageError("--format \"jsn\": expected text or json")) {
      try self.parse(["--format", "jsn"])
    }
  }

  @Test("a Redis is told by flag, else by the server's variable, so that both see the same policies as valid")
  func redis() throws {
    #expect(try parse([]).redis == nil)
    #expect(try parse(["--redis", "redis://h"]).redis?.secretText == "redis://h")
    #expect(try parse([], ["WEIR_REDIS": "redis://h"]).redis?.secretText == "redis://h")
    #expect(try parse(["--redis", "redis://f"], ["WEIR_REDIS": "redis://h"]).redis?.secretText == "redis://f")
    #expect(throws: UsageError.self) { try self.parse([], ["WEIR_REDIS": "h"]) }
  }

  @Test("two paths are an error, and so is an empty one")
  func errors() {
    #expect(throws: UsageError("unexpected argument \"b\": expected one PATH")) { try self.parse(["a", "b"]) }
    #expect(throws: UsageError("unexpected argument \"a\": expected PATH or --policies PATH, not both")) {
      try self.parse(["a", "--policies=b"])
    }
    #expect(throws: UsageError("unexpected argument \"\": expected the PATH of a file or a directory")) {
      try self.parse([""])
    }
    #expect(
      throws: UsageError("unknown flag \"--polices\": the nearest is --policies; \"weir help validate\" lists all")
    ) { try self.parse(["--polices", "x"]) }
  }
}
