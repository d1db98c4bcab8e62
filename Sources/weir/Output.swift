// Output.swift: what the command line prints.

import Glibc
import Sidecar

/// The process's standard output and error, for people and scripts.
enum Output {
  /// Writes the answer of a command on stdout.
  ///
  /// - Returns: Failure where it could not be written (a full disk, say), since an answer that is cut short must not
  ///   look like a whole one.
  static func write(_ text: String) -> ExitCode {
    if StandardError.writeAll(text, to: STDOUT_FILENO) { return .success }
    complain("cannot write to stdout")
    return .failure
  }

  /// Writes one line about what went wrong on stderr.
  static func complain(_ message: String) {
    writeError("weir: \(message)\n")
  }

  /// Writes on stderr.
  static func writeError(_ text: String) {
    StandardError.write(text)
  }
}
