// KeyJSON.swift: a key in JSON: an array with a part for each attribute of the policy's key. A part is a string; an array
// of them where a header or query parameter had several values; and where a value is no UTF-8, or a string would name
// another, an object with its bytes in hex digits, so that the text always names just this key. The counter that checks
// without an attribute share is null.

import Policies
import PolicyFiles

enum KeyJSON {
  /// - Parameter names: The key's policy's.
  static func text(_ key: KeyText, of names: [AttributeName]) -> String { text(NamedKey(key, of: names)) }

  static func text(_ key: NamedKey) -> String {
    guard let parts = key.parts else { return "null" }
    return JSONText.array(parts.map(text))
  }

  private static func text(_ part: NamedKey.Part) -> String {
    switch part {
    case .value(let value): text(value)
    case .values(let values): JSONText.array(values.map(text))
    }
  }

  private static func text(_ value: NamedKey.Value) -> String {
    switch value {
    case .text(let bytes):
      String(validating: bytes, as: UTF8.self).map(JSONText.quoted) ?? hex(bytes)
    case .bytes(let bytes): hex(bytes)
    }
  }

  private static func hex(_ value: [UInt8]) -> String {
    let digits = value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return #"{"hex":"\#(digits)"}"#
  }
}
