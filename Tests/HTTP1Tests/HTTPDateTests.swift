// HTTPDateTests.swift: dates against the RFC's example and the C library's calendar.

import Glibc
import HTTP1
import Testing

@Suite struct HTTPDateTests {
  private func date(_ seconds: Int64) -> String {
    var buffer = ResponseBuffer()
    HTTPDate.append(unixSeconds: seconds, to: &buffer)
    return String(decoding: buffer.copy, as: UTF8.self)
  }

  private func libraryDate(_ seconds: Int64) -> String {
    var time = time_t(seconds)
    var parts = unsafe tm()
    unsafe gmtime_r(&time, &parts)
    var text = [CChar](repeating: 0, count: 64)
    let count = unsafe strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  @Test(
    "known instants have known dates",
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
      (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
  func known(seconds: Int64, expected: String) {
    #expect(date(seconds) == expected)
  }

  @Test("days all over eight thousand years are the C library's")
  func days() {
    // Steps of 247 days, which is prime to the week, the year and the 146097 days of the Gregorian cycle.
    for day in stride(from: Int64(0), to: 8000 * 365, by: 247) {
      let seconds = day * 86_400 + day % 86_400
      if date(seconds) != libraryDate(seconds) { Issue.record("\(seconds): \(date(seconds))") }
    }
  }

  @Test("instants that four digits of year cannot say are held at the nearest that they can")
  func clamped() {
    #expect(date(Int64.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
    #expect(date(Int64.min) == "Wed, 01 Mar 0000 00:00:00 GMT")
    #expect(date(Int64.min).utf8.count == HTTPDate.count)
  }
}
