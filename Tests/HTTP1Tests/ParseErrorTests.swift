// ParseErrorTests.swift: each reason has a status and a sentence.

import HTTP1
import Testing

@Suite struct ParseErrorTests {
  @Test("malformed is 400; sizes, versions and codings have their own status")
  func statuses() {
    let others: [ParseError.Reason: Int] = [
      .targetTooLong: 414, .headTooLarge: 431, .trailersTooLarge: 431, .unsupportedTransferCoding: 501,
      .unsupportedVersion: 505,
    ]
    for reason in ParseError.Reason.allCases {
      #expect(ParseError(reason, at: 0).status == others[reason, default: 400], "\(reason)")
    }
  }

  @Test("no two reasons have the same sentence, and each fits a JSON string as it is")
  func details() {
    let details = ParseError.Reason.allCases.map { "\(ParseError($0, at: 3).detail)" }
    #expect(Set(details).count == details.count)
    for detail in details {
      #expect(!detail.isEmpty && detail.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c })
    }
  }

  @Test("the sizes in the sentences are the sizes in force")
  func sizes() {
    #expect("\(ParseError.Reason.targetTooLong.detail)".contains("\(HTTP1Bounds.target) bytes"))
    #expect("\(ParseError.Reason.headTooLarge.detail)".contains("\(HTTP1Bounds.head) bytes"))
    #expect("\(ParseError.Reason.trailersTooLarge.detail)".contains("\(HTTP1Bounds.trailers) bytes"))
  }

  @Test("every reason a request can be refused for has a case in the table, or a size test")
  func covered() {
    let sizes: Set<ParseError.Reason> = [.headTooLarge, .targetTooLong]
    let chunks: Set<ParseError.Reason> = [
      .invalidChunkSize, .chunkSizeTooLarge, .chunkLineTooLong, .invalidChunkExtension, .missingChunkEnd,
      .trailersTooLarge,
    ]
    let tried = Set(RequestCase.refused.compactMap { $0.error?.reason })
    #expect(tried.union(sizes).union(chunks) == Set(ParseError.Reason.allCases))
  }
}
