// StatusTextTests.swift: reason phrases.

import HTTP1
import Testing

@Suite struct StatusTextTests {
  @Test("every status a parse error asks for has a phrase")
  func parseErrors() {
    for reason in ParseError.Reason.allCases {
      #expect("\(StatusText.reason(for: reason.status))" != "Unknown", "\(reason)")
    }
  }

  @Test(
    "phrases are the registered ones",
    arguments: [(200, "OK"), (429, "Too Many Requests"), (431, "Request Header Fields Too Large"), (599, "Unknown")])
  func phrases(status: Int, phrase: String) {
    #expect("\(StatusText.reason(for: status))" == phrase)
  }
}
