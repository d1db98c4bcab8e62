// ReferenceJSON.swift: RFC 8259 read slowly, by recursive descent over the whole text. Strict: no byte order mark, no
// duplicate member in any object, nothing behind the value, only UTF-8, no lone surrogate. A whole number has to fit 64
// bits and a fraction a double; a NUL may stand in a text, but not in a member's name.

enum ReferenceJSON: Equatable {
  case object([Member])
  case array([ReferenceJSON])
  case string([UInt8])
  case integer(Int64)
  case real
  case bool(Bool)
  case null

  struct Member: Equatable {
    var name: [UInt8]
    var value: ReferenceJSON
  }

  /// nil where `text` is no JSON.
  init?(_ text: [UInt8]) {
    guard String(validating: text, as: UTF8.self) != nil else { return nil }
    var reader = Reader(rest: text[...])
    reader.skipBlank()
    guard let value = reader.value(depth: 1) else { return nil }
    reader.skipBlank()
    guard reader.rest.isEmpty else { return nil }
    self = value
  }

  subscript(name: String) -> ReferenceJSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == Array(name.utf8) }?.value
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func skipBlank() { rest = rest.drop { " \t\r\n".utf8.contains($0) } }

    /// Takes `text` if it comes next.
    mutating func take(_ text: String) -> Bool {
      guard rest.starts(with: text.utf8) else { return false }
      rest = rest.dropFirst(text.utf8.count)
      return true
    }

    mutating func value(depth: Int) -> ReferenceJSON? {
      guard depth <= 2_048, let first = rest.first else { return nil }
      switch first {
      case UInt8(ascii: "{"): return object(depth)
      case UInt8(ascii: "["): return array(depth)
      case UInt8(ascii: "\""): return string().map { .string($0) }
      case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
      case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
      case UInt8(ascii: "n"): return take("null") ? .null : nil
      default: return number()
      }
    }

    private mutating func object(_ depth: Int) -> ReferenceJSON? {
      var members: [Member] = []
      _ = take("{")
      skipBlank()
      if take("}") { return .object([]) }
      repeat {
        skipBlank()
        guard let name = string(), !name.contains(0), !members.contains(where: { $0.name == name }) else { return nil }
        skipBlank()
        guard take(":") else { return nil }
        skipBlank()
        guard let value = value(depth: depth + 1) else { return nil }
        members.append(Member(name: name, value: value))
        skipBlank()
      } while take(",")
      return take("}") ? .object(members) : nil
    }

    private mutating func array(_ depth: Int) -> ReferenceJSON? {
      var elements: [ReferenceJSON] = []
      _ = take("[")
      skipBlank()
      if take("]") { return .array([]) }
      repeat {
        skipBlank()
        guard let value = value(depth: depth + 1) else { return nil }
        elements.append(value)
        skipBlank()
      } while take(",")
      return take("]") ? .array(elements) : nil
    }

    private mutating func string() -> [UInt8]? {
      guard take("\"") else { return nil }
      var text: [UInt8] = []
      while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "\""): return text
        case UInt8(ascii: "\\"):
          guard let scalar = escape() else { return nil }
          text += String(Character(scalar)).utf8
        case 0..<0x20: return nil
        default: text.append(byte)
        }
      }
      return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
      guard let byte = rest.popFirst() else { return nil }
      let plain: [UInt8: Unicode.Scalar] = [
        0x22: "\"", 0x5c: "\\", 0x2f: "/", 0x62: "\u{8}", 0x66: "\u{c}", 0x6e: "\n", 0x72: "\r", 0x74: "\t",
      ]
      if byte != UInt8(ascii: "u") { return plain[byte] }
      guard let unit = hex() else { return nil }
      guard (0xd800..<0xdc00).contains(unit) else { return Unicode.Scalar(unit) }
      guard take("\\u"), let low = hex(), (0xdc00..<0xe000).contains(low) else { return nil }
      return Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
    }

    private mutating func hex() -> UInt32? {
      let digits = rest.prefix(4)
      guard digits.count == 4, digits.allSatisfy(Set("0123456789abcdefABCDEF".utf8).contains) else { return nil }
      rest = rest.dropFirst(4)
      return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func number() -> ReferenceJSON? {
      var text = ""
      var isWhole = true
      if take("-") { text = "-" }
      let whole = digits()
      guard !whole.isEmpty, whole.count == 1 || !whole.hasPrefix("0") else { return nil }
      text += whole
      if take(".") {
        let fraction = digits()
        guard !fraction.isEmpty else { return nil }
        text += "." + fraction
        isWhole = false
      }
      if take("e") || take("E") {
        let sign = take("-") ? "-" : take("+") ? "+" : ""
        let exponent = digits()
        guard !exponent.isEmpty else { return nil }
        text += "e" + sign + exponent
        isWhole = false
      }
      if isWhole { return Int64(text).map { .integer($0) } }
      return Double(text).flatMap { $0.isInfinite ? nil : .real }
    }

    private mutating func digits() -> String {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      rest = rest.dropFirst(digits.count)
      return String(decoding: digits, as: UTF8.self)
    }
  }
}
