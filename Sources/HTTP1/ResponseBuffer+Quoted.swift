// ResponseBuffer+Quoted.swift: strings of a JSON text and of a structured header field. Whatever the bytes, what is
// appended is one well-formed string: nothing in it can end the string, the header or the response early.

extension ResponseBuffer {
  /// Appends a JSON string (RFC 8259 section 7) with its quotes.
  ///
  /// - Parameter text: Any bytes. Those that are no UTF-8 become U+FFFD, one for each maximal part of an ill-formed
  ///   sequence (Unicode 15, section 3.9), as `String(decoding:as:)` does it.
  public mutating func append(jsonString text: Span<UInt8>) {
    append(byte: UInt8(ascii: "\""))
    var plainStart = 0
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        index += 1
        continue
      }
      let sequence = byte < 0x80 ? (length: 1, isValid: false) : Self.sequence(text, at: index)
      if !sequence.isValid {
        append(text.extracting(plainStart..<index))
        if byte < 0x80 { appendEscaped(byte) } else { append("\u{fffd}" as StaticString) }
        plainStart = index + sequence.length
      }
      index += sequence.length
    }
    append(text.extracting(plainStart..<index))
    append(byte: UInt8(ascii: "\""))
  }

  /// Appends the UTF-8 of `text` as a JSON string.
  public mutating func append(jsonString text: String) {
    append(jsonString: text.utf8.span)
  }

  /// Appends a string of a structured field (RFC 9651 section 3.3.3) with its quotes.
  ///
  /// - Parameter text: Such a string holds printable ASCII only; any other byte becomes `?`.
  public mutating func append(structuredString text: Span<UInt8>) {
    append(byte: UInt8(ascii: "\""))
    for index in text.indices {
      switch text[index] {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        append(byte: UInt8(ascii: "\\"))
        append(byte: text[index])
      case 0x20...0x7e: append(byte: text[index])
      default: append(byte: UInt8(ascii: "?"))
      }
    }
    append(byte: UInt8(ascii: "\""))
  }

  /// Appends the UTF-8 of `text` as a string of a structured field.
  public mutating func append(structuredString text: String) {
    append(structuredString: text.utf8.span)
  }

  private mutating func appendEscaped(_ byte: UInt8) {
    append(byte: UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte: byte)
    case 0x08: append(byte: UInt8(ascii: "b"))
    case 0x09: append(byte: UInt8(ascii: "t"))
    case 0x0a: append(byte: UInt8(ascii: "n"))
    case 0x0c: append(byte: UInt8(ascii: "f"))
    case 0x0d: append(byte: UInt8(ascii: "r"))
    default:
      append("u00")
      append(byte: Self.hexDigit(byte >> 4))
      append(byte: Self.hexDigit(byte & 0x0f))
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10
  }

  /// The UTF-8 sequence at `start`, whose first byte is no ASCII: its length if it is valid, else that of the longest
  /// beginning of it that could have become valid, at least 1. Unicode 15, table 3-7.
  private static func sequence(_ text: Span<UInt8>, at start: Int) -> (length: Int, isValid: Bool) {
    let wanted: Int
    // What the second byte may be: narrower than 80...BF where a sequence would be overlong, a surrogate or too large.
    var allowed: ClosedRange<UInt8> = 0x80...0xbf
    switch text[start] {
    case 0xc2...0xdf: wanted = 2
    case 0xe0: (wanted, allowed) = (3, 0xa0...0xbf)
    case 0xed: (wanted, allowed) = (3, 0x80...0x9f)
    case 0xe1...0xef: wanted = 3
    case 0xf0: (wanted, allowed) = (4, 0x90...0xbf)
    case 0xf1...0xf3: wanted = 4
    case 0xf4: (wanted, allowed) = (4, 0x80...0x8f)
    default: return (1, false)
    }
    var length = 1
    while length < wanted {
      guard start + length < text.count, allowed.contains(text[start + length]) else { return (length, false) }
      allowed = 0x80...0xbf
      length += 1
    }
    return (wanted, true)
  }
}
