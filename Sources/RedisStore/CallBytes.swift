// CallBytes.swift: the bytes of a script call: RESP headers, and the record that stands for a charge.
//
// A record is 19 bytes, big-endian: kind (1), limit (4), burst (4), period in microseconds (6), cost (4). charge.lua says
// what they mean.

import Limiting
import Policies

/// What a record's first byte says besides the algorithm.
enum ChargeKind {
  static let shadow: UInt8 = 4
  static let onlyLooks: UInt8 = 8
  static let lastOfCheck: UInt8 = 16
  /// Only in calls of hold.lua.
  static let holds: UInt8 = 32
}

extension [UInt8] {
  /// Appends the record of a charge.
  ///
  /// - Parameter flags: Those of `ChargeKind` that hold for the whole check.
  mutating func appendRecord(_ charge: Charge, flags: UInt8) {
    append(charge.limit.algorithm.rawValue + flags + (charge.isShadow ? ChargeKind.shadow : 0))
    appendNumber(charge.limit.limit, bytes: 4)
    appendNumber(charge.limit.burst, bytes: 4)
    // Policy files know no period that is not whole microseconds.
    appendNumber(charge.limit.period / 1000, bytes: 6)
    appendNumber(Swift.min(charge.cost, ChargeCall.costCap), bytes: 4)
  }

  /// Appends a number, at least 0, big-endian.
  mutating func appendNumber(_ value: Int64, bytes: Int64) {
    for place in (0..<bytes).reversed() { append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
  }

  /// Appends a RESP header: its type, a count, and the end of the line.
  mutating func appendHeader(_ type: Unicode.Scalar, _ count: Int) {
    append(UInt8(ascii: type))
    appendLine(count)
  }

  /// Appends a number, at least 0, and the end of the line.
  mutating func appendLine(_ number: Int) {
    var unit = 1
    while number / unit >= 10 { unit *= 10 }
    while unit > 0 {
      append(UInt8(ascii: "0") + UInt8(number / unit % 10))
      unit /= 10
    }
    appendLineEnd()
  }

  mutating func appendLineEnd() {
    append(UInt8(ascii: "\r"))
    append(UInt8(ascii: "\n"))
  }

  /// Appends a RESP bulk string.
  mutating func appendBulk(_ bytes: [UInt8]) {
    appendHeader("$", bytes.count)
    self += bytes
    appendLineEnd()
  }

  /// Appends the front of a script call: EVALSHA, the digest, and the number of keys.
  ///
  /// - Parameters:
  ///   - arguments: All that stand behind the number of keys, the keys included.
  mutating func appendCall(_ script: Script, keys: Int, arguments: Int) {
    appendHeader("*", 3 + arguments)
    self += evalsha
    self += script.digest
    appendLineEnd()
    appendHeader("$", digits(keys))
    appendLine(keys)
  }
}

private let evalsha = Array("$7\r\nEVALSHA\r\n$40\r\n".utf8)

private func digits(_ number: Int) -> Int {
  number < 10 ? 1 : 1 + digits(number / 10)
}
