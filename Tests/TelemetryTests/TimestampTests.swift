// TimestampTests.swift: instants as text, at the edges of days, leap years and the range.

import Foundation
import Testing

@testable import Telemetry

@Suite struct TimestampTests {
  @Test(
    "an instant is its RFC 3339 text in UTC, rounded down to a millisecond",
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (999_999, "1970-01-01T00:00:00.000Z"),
      (1_000_000, "1970-01-01T00:00:00.001Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
      (951_868_799_999_999_999, "2000-02-29T23:59:59.999Z"), (951_868_800_000_000_000, "2000-03-01T00:00:00.000Z"),
      (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"), (1_795_528_800_123_456_789, "2026-11-24T14:00:00.123Z"),
      (Int64.max, "2262-04-11T23:47:16.854Z"), (Int64.min, "1677-09-21T00:12:43.145Z"),
    ] as [(Int64, String)])
  func table(unix: Int64, expected: String) {
    #expect(Timestamp.text(unix: unix) == expected)
  }

  @Test("it agrees with Foundation on days all over the range")
  func agreesWithFoundation() {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
    for day in stride(from: Int64(-100_000), to: 100_000, by: 37) {
      let seconds = day * 86_400 + 3_661
      let expected = style.format(Date(timeIntervalSince1970: Double(seconds)))
      #expect(Timestamp.text(unix: seconds * 1_000_000_000) == expected.dropLast() + ".000Z")
    }
  }
}
