// UsageError.swift: what is wrong with a command line or an environment variable, as one line for its author.
//
// The line names the flag (or the variable, if the value came from there), what was given and what is expected. What
// was given is shown so that it stays one line, stays short, and never shows a password.

import PolicyFiles
import Telemetry

/// A mistake in the arguments or in an environment variable.
public struct UsageError: Error, Equatable, Sendable {
  /// One line without line feed, to be written on stderr after `weir: `.
  public let message: String

  init(_ message: String) {
    self.message = message
  }

  /// The flag does not exist. `name` is without its value, which may be a secret.
  static func unknownFlag(_ name: String, of command: String, flags: [String]) -> UsageError {
    let nearest = NearestWord.nearest(to: name, in: flags + ["--help"]) ?? "--help"
    return UsageError(
      "unknown flag \(quote(name)): the nearest is \(nearest); \"weir help \(command)\" lists all")
  }

  /// The value of `source`, a flag or a variable, is not what it should be.
  static func wrongValue(_ source: String, _ misfit: Misfit) -> UsageError {
    let nearest = misfit.nearest.map { "; the nearest is \($0)" } ?? ""
    return UsageError("\(source) \(misfit.given): expected \(misfit.expected)\(nearest)")
  }

  /// An argument stands where only flags do.
  static func unexpected(_ argument: String, expected: String) -> UsageError {
    UsageError("unexpected argument \(quote(argument)): expected \(expected)")
  }

  /// Text from outside, in quotes: control characters escaped, at most 200 characters, the password of a URL hidden.
  static func quote(_ text: String) -> String {
    let shown = RedisURL.schemeEnd(text) == nil ? text : RedisURL.redact(text)
    return LogLine.quoted(shown.count > 200 ? shown.prefix(200) + "…" : shown)
  }
}

/// Why a text is not the value that it should be. Made by the parsers of values, which do not know whose value it is.
struct Misfit: Error, Equatable {
  /// What was given, in quotes and safe to show.
  var given: String
  /// What would do, as the end of a sentence that begins with "expected".
  var expected: String
  /// The nearest word that would do, where words are expected.
  var nearest: String?

  init(_ given: String, expected: String, nearest: String? = nil) {
    self.given = UsageError.quote(given)
    self.expected = expected
    self.nearest = nearest
  }

  /// For a value whose `quoted` form is made elsewhere, since it may hold a secret.
  init(quoted: String, expected: String, nearest: String? = nil) {
    given = quoted
    self.expected = expected
    self.nearest = nearest
  }
}
