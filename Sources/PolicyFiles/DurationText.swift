// DurationText.swift: `250ms`, `10s`, `1h30m`: durations as policy files and command-line flags write them. Whole
// numbers with a unit, added up in any order; no fractions, no bare numbers, since `60` says nothing about its unit.

/// Durations as text.
public enum DurationText {
  /// Why a text is no duration, and what would be one; to be put after the name and the given text.
  public struct Malformed: Error, Equatable {
    public var message: String
  }

  /// Largest first, so that `text(_:)` can go down the table.
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
  ]

  /// Nanoseconds of `250ms`, `10s`, `1m`, `1h`, `1d` or a sum such as `1h30m`; `0s` is 0.
  ///
  /// - Throws: `Malformed` where a number or a unit is missing or unknown, or the sum passes `Int64.max` (292 years).
  public static func parse(_ text: String) throws(Malformed) -> Int64 {
    var rest = Substring(text).utf8
    guard !rest.isEmpty else { throw Malformed(message: "needs a number and a unit, as in 250ms, 10s or 1h30m") }
    var total: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix(while: isDigit)
      rest = rest.dropFirst(digits.count)
      guard !digits.isEmpty else {
        throw Malformed(message: "needs a whole number before each unit, as in 250ms, 10s or 1h30m")
      }
      let name = rest.prefix { !isDigit($0) }
      rest = rest.dropFirst(name.count)
      total = try add(digits: digits, unit: Substring(name), to: total)
    }
    return total
  }

  private static func add(
    digits: Substring.UTF8View, unit name: Substring, to total: Int64
  ) throws(Malformed) -> Int64 {
    if name.isEmpty { throw Malformed(message: "needs a unit after \(Substring(digits)); use ms, s, m, h or d") }
    if name.first == "." || name.first == "," {
      throw Malformed(message: "must be whole numbers; use a smaller unit, as in 1500ms or 1h30m")
    }
    guard let unit = units.first(where: { $0.name == name }) else {
      throw Malformed(message: "unknown unit; use ms, s, m, h or d")
    }
    let tooLong = Malformed(message: "is too long; at most 106751d")
    guard let number = Int64(Substring(digits)) else { throw tooLong }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.nanoseconds)
    let (sum, sumOverflow) = total.addingReportingOverflow(product)
    if overflow || sumOverflow { throw tooLong }
    return sum
  }

  /// The shortest sum of units that `parse` reads back as the same number; what is below a millisecond is dropped.
  /// Negative durations are `0s`.
  public static func text(_ nanoseconds: Int64) -> String {
    var rest = max(0, nanoseconds)
    var result = ""
    for unit in units where rest >= unit.nanoseconds {
      result += "\(rest / unit.nanoseconds)\(unit.name)"
      rest %= unit.nanoseconds
    }
    return result.isEmpty ? "0s" : result
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
