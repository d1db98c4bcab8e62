// DurationText.swift: durations as operators write them: `250ms`, `10s`, `1m`, `1h`, `1d`, and sums such as `1h30m`.
//
// A sum goes from the largest unit to the smallest, each at most once. A number without a unit is no duration: whether
// `10` means seconds or milliseconds is the kind of thing that one learns in an outage.

/// The text form of durations.
enum DurationText {
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
  ]

  /// Reads a duration; nil where `text` is none or does not fit.
  ///
  /// - Returns: Nanoseconds, 0 or more.
  static func parse(_ text: String) -> Int64? {
    var rest = text.utf8[...]
    var next = 0
    var total: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
      rest = rest[digits.endIndex...]
      let name = rest.prefix { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
      rest = rest[name.endIndex...]
      guard let number = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
      guard let unit = units[next...].firstIndex(where: { $0.name.utf8.elementsEqual(name) }) else { return nil }
      next = unit + 1
      let (part, isTooLarge) = number.multipliedReportingOverflow(by: units[unit].nanoseconds)
      guard !isTooLarge else { return nil }
      let (sum, isTooLong) = total.addingReportingOverflow(part)
      guard !isTooLong else { return nil }
      total = sum
    }
    return total
  }

  /// The text of a duration that is a whole number of milliseconds: the shortest sum, `0s` for none.
  static func text(_ nanoseconds: Int64) -> String {
    var rest = nanoseconds
    var text = ""
    for unit in units where rest >= unit.nanoseconds {
      text += "\(rest / unit.nanoseconds)\(unit.name)"
      rest %= unit.nanoseconds
    }
    return text.isEmpty ? "0s" : text
  }
}
