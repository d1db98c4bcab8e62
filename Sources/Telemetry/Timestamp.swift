// Timestamp.swift: an instant as RFC 3339 writes it, in UTC with milliseconds: 2026-11-24T14:00:00.123Z.
//
// Days become a date by Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day comes last, and
// 400 years are one cycle. Any Int64 of nanoseconds is a year between 1677 and 2262, so four digits always do.

/// The text form of instants.
public enum Timestamp {
  /// - Parameter unix: Nanoseconds since the Unix epoch; may be negative. Rounded down to a millisecond.
  public static func text(unix: Int64) -> String {
    let (milliseconds, _) = floorDivide(unix, by: 1_000_000)
    let (seconds, millisecond) = floorDivide(milliseconds, by: 1000)
    let (days, second) = floorDivide(seconds, by: 86_400)
    let (year, month, day) = date(daysSinceEpoch: days)
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
      + "T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
      + ".\(padded(millisecond, 3))Z"
  }

  private static func date(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    // 719 468 days lie between 0000-03-01 and 1970-01-01; 146 097 are a cycle of 400 years.
    let (cycle, dayOfCycle) = floorDivide(daysSinceEpoch + 719_468, by: 146_097)
    let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfCycle + 400 * cycle + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func floorDivide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
