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
      if mark == place { return unsafe input[index] == UInt8(ascii: "\t") }
      step(&mark, over: index)
    }
    return false
  }

  /// Where a byte stands; for errors below libyaml's own counting of lines.
  private func mark(ofOffset offset: Int) -> Mark {
    var mark = Mark.start
    for index in 0..<offset { step(&mark, over: index) }
    return mark
  }

  private func step(_ mark: inout Mark, over index: Int) {
    if endsLine(index) {
      mark = Mark(line: mark.line + 1, column: 1)
    } else if unsafe input[index] & 0xc0 != 0x80 {
      mark.column += 1
    }
  }

  /// Whether a line ends with this byte, as libyaml counts lines: LF, CR, CR LF, and in UTF-8 NEL, LS and PS.
  private func endsLine(_ index: Int) -> Bool {
    switch unsafe input[index] {
    case UInt8(ascii: "\n"): true
    case UInt8(ascii: "\r"): unsafe index + 1 == input.count || input[index + 1] != UInt8(ascii: "\n")
    case 0x85: unsafe index >= 1 && input[index - 1] == 0xc2
    case 0xa8, 0xa9: unsafe index >= 2 && input[index - 2] == 0xe2 && input[index - 1] == 0x80
    default: false
    }
  }
}
