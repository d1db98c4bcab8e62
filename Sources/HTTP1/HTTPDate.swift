// HTTPDate.swift: the date of a response, as `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 section 5.6.7).
//
// Civil dates from day numbers after Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in
// March, so the leap day is a year's last and the months before it follow one linear formula. No table of days, no
// time zone, no clock.

/// Writes instants as HTTP does.
public enum HTTPDate {
  /// Bytes of a date.
  public static let count = 29

  /// What four digits of year can say: 0000-03-01 to 9999-12-31, in seconds since 1970.
  static let range: ClosedRange<Int64> = -62_162_035_200...253_402_300_799

  /// Appends 29 bytes.
  ///
  /// - Parameter unixSeconds: Since 1970-01-01 00:00:00 UTC, without leap seconds. Before March of the year 0 and
  ///   after the year 9999, the nearest instant within is written.
  public static func append(unixSeconds: Int64, to buffer: inout ResponseBuffer) {
    let seconds = min(max(unixSeconds, range.lowerBound), range.upperBound)
    let days = Int(seconds - range.lowerBound) / 86_400
    let time = Int(seconds - range.lowerBound) % 86_400
    let date = civil(daysSinceYearZero: days)
    // 0000-03-01 was a Wednesday in the proleptic Gregorian calendar.
    buffer.append(weekday(days % 7))
    append(two: date.day, after: " ", to: &buffer)
    buffer.append(month(date.month))
    append(two: date.year / 100, after: " ", to: &buffer)
    append(two: date.year % 100, after: "", to: &buffer)
    append(two: time / 3600, after: " ", to: &buffer)
    append(two: time / 60 % 60, after: ":", to: &buffer)
    append(two: time % 60, after: ":", to: &buffer)
    buffer.append(" GMT")
  }

  /// - Parameter days: Since 0000-03-01; not negative.
  private static func civil(daysSinceYearZero days: Int) -> (year: Int, month: Int, day: Int) {
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let fromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * fromMarch + 2) / 5 + 1
    let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
    return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
  }

  private static func append(two number: Int, after text: StaticString, to buffer: inout ResponseBuffer) {
    buffer.append(text)
    buffer.append(byte: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / 10))
    buffer.append(byte: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10))
  }

  private static func weekday(_ sinceWednesday: Int) -> StaticString {
    switch sinceWednesday {
    case 0: "Wed,"
    case 1: "Thu,"
    case 2: "Fri,"
    case 3: "Sat,"
    case 4: "Sun,"
    case 5: "Mon,"
    default: "Tue,"
    }
  }

  private static func month(_ month: Int) -> StaticString {
    switch month {
    case 1: " Jan"
    case 2: " Feb"
    case 3: " Mar"
    case 4: " Apr"
    case 5: " May"
    case 6: " Jun"
    case 7: " Jul"
    case 8: " Aug"
    case 9: " Sep"
    case 10: " Oct"
    case 11: " Nov"
    default: " Dec"
    }
  }
}
