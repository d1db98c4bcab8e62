// HomePageTests.swift: the page for people and the policy that goes with it fit together.

import TestKit
import Testing

@testable import Sidecar

@Suite struct HomePageTests {
  @Test("the policy names the hashes of the page's only style and only script", arguments: ["style", "script"])
  func hashes(tag: String) throws {
    let parts = HomePage.text.components(between: "<\(tag)>", and: "</\(tag)>")
    #expect(parts.count == 1, "one <\(tag)>, without attributes")
    let directory = try TemporaryDirectory()
    try directory.write("part", try #require(parts.first))
    let openssl = try ChildProcess([
      "sh", "-c", "openssl dgst -sha256 -binary \(directory.file("part")) | openssl base64 -A",
    ])
    #expect(try openssl.wait() == .exited(0))
    let expected = "\(tag)-src 'sha256-\(openssl.standardOutput)';"
    #expect(openssl.standardOutput.count == 44)
    #expect("\(HomePage.headers)".contains(expected), "HomePage.swift must say: \(expected)")
  }

  @Test("the page is one file below 60 KB that refers to nothing elsewhere and has no script outside the hashed one")
  func selfContained() {
    let page = HomePage.text
    #expect(page.utf8.count < 60_000)
    #expect(!page.contains("https://"))
    #expect(page.components(between: "http://", and: "'").allSatisfy { $0 == "www.w3.org/2000/svg" })
    #expect(!page.contains("style=\"") && !page.contains(" onclick=") && !page.contains("<link rel=\"stylesheet\""))
    #expect(!page.contains("innerHTML") && !page.contains("insertAdjacentHTML") && !page.contains("document.write"))
  }

  @Test("the policy lets nothing in from elsewhere and nothing be framed")
  func policy() {
    let headers = "\(HomePage.headers)"
    #expect(headers.contains("default-src 'none';") && headers.contains("frame-ancestors 'none';"))
    #expect(!headers.contains("unsafe"))
    #expect(headers.split(separator: "\r\n").allSatisfy { $0.contains(": ") && !$0.contains("\n") })
    #expect(headers.hasSuffix("\r\n") && !headers.hasSuffix("\r\n\r\n"))
  }
}

extension String {
  /// What stands between each `start` and the next `end`.
  fileprivate func components(between start: String, and end: String) -> [String] {
    var found: [String] = []
    var rest = self[...]
    while let opening = rest.firstRange(of: start) {
      rest = rest[opening.upperBound...]
      guard let closing = rest.firstRange(of: end) else { break }
      found.append(String(rest[..<closing.lowerBound]))
      rest = rest[closing.upperBound...]
    }
    return found
  }
}
