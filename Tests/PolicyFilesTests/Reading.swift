// Reading.swift: short ways to read one policy file in a test.

import Policies
import PolicyFiles

/// Reads one file named `p.yaml`.
func read(_ text: String, redis: Bool = false) -> PolicyParser.Result {
  PolicyParser.parse([SourceFile(name: "p.yaml", bytes: Array(text.utf8))], options: .init(redisIsGiven: redis))
}

/// All diagnostics of a file, without its name.
func diagnostics(_ text: String, redis: Bool = false) -> [String] {
  read(text, redis: redis).diagnostics.map { String($0.text.dropFirst("p.yaml:".count)) }
}

/// A file with one policy: a valid one and, before its numbers, the given lines, indented by four. The first of them is
/// line 3 of the file, and its column 5.
func policy(_ lines: String, numbers: String = "limit: 10, period: 1m") -> String {
  let indented = lines.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(
    separator: "\n")
  var rest = ""
  for number in numbers.split(separator: ", ") { rest += "\n    " + number }
  return "policies:\n  - name: a\n" + indented + rest + "\n"
}
