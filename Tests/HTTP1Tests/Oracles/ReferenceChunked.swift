// ReferenceChunked.swift: RFC 9112 section 7.1 once more, slowly: the whole body at once, line by line.

/// What a chunked body holds.
enum ReferenceChunked: Equatable {
  case complete(data: [UInt8], count: Int)
  /// A beginning of a body, or none at all: which of them, it does not know.
  case other

  init(_ bytes: [UInt8]) {
    self = Self.read(bytes) ?? .other
  }

  private static func read(_ bytes: [UInt8]) -> ReferenceChunked? {
    var rest = bytes[...]
    var data: [UInt8] = []
    var extensions = 0
    while true {
      guard let line = takeLine(&rest), line.count < 4_096 else { return nil }
      let digits = line.prefix { $0 != 59 }
      // A line's end counts as one byte, as it does to the decoder: it stops at the CR.
      extensions += digits.count < line.count ? line.count - digits.count : 0
      guard (1...16).contains(digits.count), extensions <= 65_536 else { return nil }
      let hex = Set("0123456789abcdefABCDEF".utf8)
      guard digits.allSatisfy(hex.contains), let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else {
        return nil
      }
      guard line.allSatisfy({ $0 == 9 || $0 >= 32 && $0 != 127 }) else { return nil }
      if size == 0 { break }
      guard rest.count >= 2, size <= rest.count - 2 else { return nil }
      data += rest.prefix(size)
      rest = rest.dropFirst(size)
      guard rest.starts(with: [13, 10]) else { return nil }
      rest = rest.dropFirst(2)
    }
    let trailers = rest.startIndex
    while let line = takeLine(&rest) {
      if line.isEmpty {
        let size = rest.startIndex - trailers
        return size <= 65_536 ? .complete(data: data, count: rest.startIndex) : nil
      }
      guard let colon = line.firstIndex(of: 58), ReferenceHead.isToken(Array(line[..<colon])) else { return nil }
      guard !line.contains(0) else { return nil }
    }
    return nil
  }

  /// Takes a line and its CR LF; nil where there is none, or a CR or LF comes before it.
  private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let end = rest.firstIndex(where: { $0 == 13 || $0 == 10 }) else { return nil }
    guard rest[end...].starts(with: [13, 10]) else { return nil }
    defer { rest = rest[(end + 2)...] }
    return rest[..<end]
  }
}
