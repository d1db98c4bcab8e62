// ReferenceHead.swift: RFC 9112's request head once more, slowly and with other means: whole input only, cut at the
// first blank line, split into lines, each line split into parts. Tests and the fuzzer hold the real parser against it.
//
// It says only whether a complete, acceptable head is there, and what is in it; reasons and offsets it does not know.

#if canImport(HTTP1)
  import HTTP1
#endif

/// A complete head, with its parts copied out.
struct ReferenceHead: Equatable {
  var method: [UInt8] = []
  var target: [UInt8] = []
  var minorVersion: UInt8 = 1
  var names: [[UInt8]] = []
  var values: [[UInt8]] = []
  var count = 0
  var framing = RequestHead.Framing.none
  var keepsAlive = true
  var expectsContinue = false
  var host: [UInt8]?

  /// What the real parser read from `bytes`.
  init(_ head: RequestHead, of bytes: [UInt8]) {
    method = Array(bytes[head.method.range])
    target = Array(bytes[head.target.range])
    minorVersion = head.minorVersion
    names = head.headers.map { Array(bytes[$0.name.range]) }
    values = head.headers.map { Array(bytes[$0.value.range]) }
    count = head.headCount
    framing = head.framing
    keepsAlive = head.keepsAlive
    expectsContinue = head.expectsContinue
    host = head.host.map { Array(bytes[$0.range]) }
  }

  /// Nil where `bytes` does not begin with a complete head that is to be accepted.
  init?(reading bytes: [UInt8]) {
    var text = Array(bytes.prefix(65_536))
    var emptyLines = 0
    while emptyLines < 4, text.starts(with: [13, 10]) {
      text.removeFirst(2)
      emptyLines += 1
    }
    guard var lines = Self.lines(of: text) else { return nil }
    count = 2 * emptyLines + lines.reduce(2) { $0 + $1.count + 2 }
    guard !lines.isEmpty, readRequestLine(lines.removeFirst()) else { return nil }
    for line in lines {
      guard readHeader(line) else { return nil }
    }
    guard readFraming() else { return nil }
    host = values(of: "host").first
    guard values(of: "host").count <= 1 else { return nil }
    expectsContinue = minorVersion == 1 && elements(of: "expect").contains("100-continue")
    let options = elements(of: "connection")
    keepsAlive = !options.contains("close") && (minorVersion == 1 || options.contains("keep-alive"))
  }

  /// The lines before the first blank one, without their ends; nil where there is none, or a CR or LF apart.
  private static func lines(of text: [UInt8]) -> [[UInt8]]? {
    let ends = text.indices.filter { text[$0...].starts(with: [13, 10]) }
    var lines: [[UInt8]] = []
    var start = 0
    for end in ends {
      if end == start { return lines.allSatisfy { !$0.contains(13) && !$0.contains(10) } ? lines : nil }
      lines.append(Array(text[start..<end]))
      start = end + 2
    }
    return nil
  }

  private mutating func readRequestLine(_ line: [UInt8]) -> Bool {
    let parts = line.split(separator: 32, omittingEmptySubsequences: false).map(Array.init)
    guard parts.count == 3, Self.isToken(parts[0]), (1...16_384).contains(parts[1].count) else { return false }
    guard parts[1].allSatisfy({ $0 > 32 && $0 != 127 }) else { return false }
    guard parts[2].count == 8, parts[2].starts(with: Array("HTTP/1.".utf8)), (48...57).contains(parts[2][7]) else {
      return false
    }
    method = parts[0]
    target = parts[1]
    minorVersion = parts[2][7] == 48 ? 0 : 1
    return true
  }

  private mutating func readHeader(_ line: [UInt8]) -> Bool {
    guard let colon = line.firstIndex(of: 58), Self.isToken(Array(line[..<colon])), !line.contains(0) else {
      return false
    }
    names.append(Array(line[..<colon]))
    values.append(Self.trimmed(line[(colon + 1)...]))
    return true
  }

  private mutating func readFraming() -> Bool {
    let lengths = values(of: "content-length")
    let codings = elements(of: "transfer-encoding")
    guard lengths.count <= 1, lengths.isEmpty || codings.isEmpty else { return false }
    if let length = lengths.first {
      guard !length.isEmpty, length.allSatisfy({ (48...57).contains($0) }) else { return false }
      guard let number = Int(String(decoding: length, as: UTF8.self)) else { return false }
      framing = .length(number)
    }
    guard !codings.isEmpty else { return true }
    framing = .chunked
    return codings == ["chunked"] && minorVersion == 1
  }

  private func values(of name: String) -> [[UInt8]] {
    zip(names, values).filter { Self.lowercased($0.0) == Array(name.utf8) }.map(\.1)
  }

  /// The list of all lines of that name, in lower case.
  private func elements(of name: String) -> [String] {
    values(of: name).flatMap { $0.split(separator: 44, omittingEmptySubsequences: false) }
      .map { String(decoding: Self.lowercased(Self.trimmed($0)), as: UTF8.self) }
  }

  static func isToken(_ bytes: [UInt8]) -> Bool {
    let others = Set("!#$%&'*+-.^_`|~".utf8)
    return !bytes.isEmpty
      && bytes.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || others.contains($0)
      }
  }

  static func lowercased(_ bytes: [UInt8]) -> [UInt8] { bytes.map { (65...90).contains($0) ? $0 + 32 : $0 } }

  static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    Array(bytes.drop { $0 == 32 || $0 == 9 }.reversed().drop { $0 == 32 || $0 == 9 }.reversed())
  }
}
