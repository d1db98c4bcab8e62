// YAMLProblem.swift: libyaml's errors, with a place and a hint.

import CYAML

/// Why a file is no document, and where.
struct YAMLProblem: Error, Equatable {
  var mark: Mark
  var message: String
}

extension YAMLReader {
  /// libyaml's own sentence, with its context and a hint where the usual cause is known.
  func problem() -> YAMLProblem {
    let problem = unsafe Self.message(parser.pointee.problem) ?? "cannot be read as YAML"
    guard unsafe parser.pointee.error != YAML_READER_ERROR else {
      let offset = unsafe min(parser.pointee.problem_offset, input.count)
      return YAMLProblem(mark: mark(ofOffset: offset), message: problem)
    }
    let place = unsafe Self.mark(parser.pointee.problem_mark)
    var message = problem
    if let context = unsafe Self.message(parser.pointee.context) {
      let start = unsafe Self.mark(parser.pointee.context_mark)
      message += " " + context + (start.line == place.line ? "" : " that begins at line \(start.line)")
      if context == "while scanning an alias" { message += "; put a text that begins with \"*\" in quotes" }
    }
    if problem == "found character that cannot start any token", isTab(at: place) {
      message += "; indent with spaces, not tabs"
    }
    return YAMLProblem(mark: place, message: message)
  }

  private static func message(_ text: UnsafePointer<CChar>?) -> String? {
    // SAFETY: libyaml's messages are string literals.
    unsafe text.map { unsafe String(cString: $0) }
  }

  private func isTab(at place: Mark) -> Bool {
    var mark = Mark.start
    for index in unsafe 0..<input.count {
      let byte = unsafe input[index]
      if mark == place { return byte == UInt8(ascii: "\t") }
      Self.step(&mark, over: byte)
    }
    return false
  }

  /// Where a byte stands; for errors below libyaml's own counting of lines.
  private func mark(ofOffset offset: Int) -> Mark {
    var mark = Mark.start
    for index in 0..<offset { unsafe Self.step(&mark, over: input[index]) }
    return mark
  }

  private static func step(_ mark: inout Mark, over byte: UInt8) {
    if byte == UInt8(ascii: "\n") {
      mark = Mark(line: mark.line + 1, column: 1)
    } else if byte & 0xc0 != 0x80 {
      mark.column += 1
    }
  }
}
