// CommandTests.swift: from arguments to a command, and the pages of help.

import Testing

@testable import Sidecar

@Suite struct CommandTests {
  private func complaint(_ arguments: [String], _ environment: [String: String] = [:]) -> String? {
    do throws(UsageError) {
      _ = try Command.parse(arguments: arguments, environment: environment)
      return nil
    } catch {
      return error.message
    }
  }

  @Test("each command is understood")
  func commands() throws {
    #expect(try Command.parse(arguments: ["serve"], environment: [:]) == .serve(ServeOptions()))
    #expect(try Command.parse(arguments: ["validate"], environment: [:]) == .validate(ValidateOptions()))
    #expect(try Command.parse(arguments: ["version"], environment: [:]) == .version)
    #expect(try Command.parse(arguments: ["--version"], environment: [:]) == .version)
    #expect(try Command.parse(arguments: ["help"], environment: [:]) == .help(page: HelpText.overview))
    #expect(try Command.parse(arguments: ["-h"], environment: [:]) == .help(page: HelpText.overview))
  }

  @Test("an unknown command is named with those there are and the nearest")
  func unknown() {
    #expect(
      complaint(["srve"])
        == "unknown command \"srve\": expected serve, validate, explain, health, version or help; the nearest is serve")
    #expect(complaint(["help", "validat"])?.hasSuffix("; the nearest is validate") == true)
    #expect(complaint(["--listen"])?.hasPrefix("unknown command \"--listen\"") == true)
    #expect(complaint([]) == "no command given")
    #expect(complaint(["version", "x"]) == "unexpected argument \"x\": expected nothing after version")
    #expect(complaint(["help", "serve", "x"]) == "unexpected argument \"x\": expected one command")
  }

  @Test("--help and -h after any command print its page, whatever else is wrong", arguments: Command.Name.allCases)
  func helpFlag(name: Command.Name) throws {
    for flag in ["--help", "-h"] {
      let command = try Command.parse(
        arguments: [name.rawValue, "--nonsense", flag], environment: ["WEIR_THREADS": "x"])
      #expect(command == .help(page: HelpText.page(of: name)))
    }
    #expect(
      try Command.parse(arguments: ["help", name.rawValue], environment: [:]) == .help(page: HelpText.page(of: name)))
  }

  @Test("the first page fits on 24 lines of 80 columns and mentions every command")
  func firstPage() {
    let lines = HelpText.overview.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count < 24)
    for name in Command.Name.allCases { #expect(lines.contains { $0.hasPrefix("  \(name.rawValue) ") }) }
  }

  @Test("no page is wider than 80 columns or has blanks at an end of line", arguments: Command.Name.allCases)
  func width(name: Command.Name) {
    let page = HelpText.page(of: name)
    #expect(page.hasSuffix("\n"))
    for line in page.split(separator: "\n") {
      #expect(line.count <= 80)
      #expect(!line.hasSuffix(" "))
    }
  }

  @Test("help serve and the reference have every option with its variable and default")
  func everyOption() {
    let page = HelpText.page(of: .serve)
    let flat = page.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for row in ServeOptions.table.flatMap(\.rows) {
      #expect(page.contains("\n  \(row.flag)"))
      #expect(flat.contains("\(row.help) (default: \(row.defaultText))"))
      #expect(page.contains(" \(row.variable ?? "?")\n"))
      #expect(HelpText.reference.contains("| `\(row.flag)"))
    }
  }

  @Test("each row of the reference has four cells")
  func reference() {
    for line in HelpText.reference.split(separator: "\n") {
      var bars = 0
      var previous: Character = " "
      for character in line {
        if character == "|", previous != "\\" { bars += 1 }
        previous = character
      }
      #expect(bars == 5, "\(line)")
    }
  }

  @Test("the version is three numbers")
  func version() {
    let parts = Version.text.split(separator: ".", omittingEmptySubsequences: false)
    #expect(parts.count == 3 && parts.allSatisfy { Int($0) != nil })
  }
}
