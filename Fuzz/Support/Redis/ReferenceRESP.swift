// ReferenceRESP.swift: RESP2 read slowly, by recursive descent over all bytes at once, and written.
//
// As lenient as hiredis: a line ends at its first CR LF, and the two bytes behind a bulk string are not looked at.

/// A value as Redis sends it.
enum ReferenceRESP: Equatable {
  case string([UInt8])
  case status([UInt8])
  case error([UInt8])
  case integer(Int64)
  case array([ReferenceRESP])
  case null

  /// Bytes of strings, statuses and errors; none of the others.
  var bytes: [UInt8] {
    switch self {
    case .string(let bytes), .status(let bytes), .error(let bytes): bytes
    case .integer, .array, .null: []
    }
  }

  var elements: [ReferenceRESP]? { if case .array(let elements) = self { elements } else { nil } }

  static func text(_ text: String) -> ReferenceRESP { .string(Array(text.utf8)) }

  /// The value on the wire.
  var wire: [UInt8] {
    switch self {
    case .string(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + [13, 10]
    case .status(let bytes): Array("+".utf8) + bytes + [13, 10]
    case .error(let bytes): Array("-".utf8) + bytes + [13, 10]
    case .integer(let number): Array(":\(number)\r\n".utf8)
    case .array(let elements): Array("*\(elements.count)\r\n".utf8) + elements.flatMap(\.wire)
    case .null: Array("$-1\r\n".utf8)
    }
  }

  // MARK: Reading

  /// What stands at the beginning of some bytes.
  enum Beginning: Equatable {
    case value(ReferenceRESP, count: Int)
    case incomplete
    case malformed
    /// Nested deeper than every version of hiredis takes.
    case deep
  }

  /// Arrays around an array, up to which every version takes it.
  private static let depth = 7
  /// Elements that a reply of the longest size could hold.
  private static let mostElements = (1 << 20) / 4

  static func read(_ bytes: [UInt8]) -> Beginning { read(bytes[...], depth: 0) }

  private static func read(_ bytes: ArraySlice<UInt8>, depth: Int) -> Beginning {
    guard let kind = bytes.first else { return .incomplete }
    guard "+-:$*".utf8.contains(kind) else { return .malformed }
    if kind == UInt8(ascii: "*"), depth > Self.depth { return .deep }
    guard let end = bytes.indices.dropLast().first(where: { bytes[$0] == 13 && bytes[$0 + 1] == 10 }) else {
      return .incomplete
    }
    let line = Array(bytes[(bytes.startIndex + 1)..<end])
    let count = line.count + 3
    switch kind {
    case UInt8(ascii: "+"): return .value(.status(line), count: count)
    case UInt8(ascii: "-"): return .value(.error(line), count: count)
    case UInt8(ascii: ":"): return number(line).map { .value(.integer($0), count: count) } ?? .malformed
    case UInt8(ascii: "$"):
      guard let size = number(line), size >= -1 else { return .malformed }
      if size == -1 { return .value(.null, count: count) }
      let rest = bytes.dropFirst(count)
      guard rest.count >= 2, size <= rest.count - 2 else { return .incomplete }
      return .value(.string(Array(rest.prefix(Int(size)))), count: count + Int(size) + 2)
    default: return array(line, bytes, count, depth)
    }
  }

  private static func array(_ line: [UInt8], _ bytes: ArraySlice<UInt8>, _ head: Int, _ depth: Int) -> Beginning {
    guard let size = number(line), size >= -1, size <= mostElements else { return .malformed }
    if size == -1 { return .value(.null, count: head) }
    var elements: [ReferenceRESP] = []
    var count = head
    while elements.count < size {
      switch read(bytes.dropFirst(count), depth: depth + 1) {
      case .value(let element, let added):
        elements.append(element)
        count += added
      case let other: return other
      }
    }
    return .value(.array(elements), count: count)
  }

  /// A number as Redis prints it: no plus, no leading zero.
  private static func number(_ text: [UInt8]) -> Int64? {
    guard let number = Int64(String(decoding: text, as: UTF8.self)), Array(String(number).utf8) == text else {
      return nil
    }
    return number
  }
}
