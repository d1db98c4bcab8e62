// HeaderNameTests.swift: names by hash and by bytes.

import HTTP1
import Testing

@Suite struct HeaderNameTests {
  private func matches(_ name: String, _ lowercased: StaticString) -> Bool {
    let bytes = latin1("<\(name)>")
    let range = ByteRange(start: 1, count: Int32(bytes.count - 2))
    return HeaderName.matches(bytes.span, range, lowercased: lowercased)
  }

  @Test("the hash does not depend on case, nor on how the name is given")
  func hash() {
    let names = ["Host", "HOST", "host", "hOsT"]
    #expect(Set(names.map { HeaderName.hash(of: $0) }).count == 1)
    let bytes = latin1("Host")
    let ofBytes = HeaderName.hash(of: bytes.span)
    #expect(ofBytes == HeaderName.hash(of: "host"))
    #expect(HeaderName.hash(of: "") == 2_166_136_261)
    // FNV-1a of "a", from the published test vectors.
    #expect(HeaderName.hash(of: "a") == 0xe40c_292c)
  }

  @Test("the names of the usual headers have different hashes")
  func distinct() {
    let names = [
      "host", "connection", "content-length", "content-type", "transfer-encoding", "expect", "accept", "user-agent",
      "accept-encoding", "accept-language", "authorization", "cookie", "forwarded", "via", "x-forwarded-for",
      "x-forwarded-host", "x-forwarded-uri", "x-forwarded-method", "x-forwarded-proto", "x-forwarded-port",
      "x-original-url", "x-original-uri", "x-original-method", "x-real-ip", "x-request-id", "x-api-key", "traceparent",
    ]
    #expect(Set(names.map { HeaderName.hash(of: $0) }).count == names.count)
  }

  @Test("a name matches in any case, as a whole, and no other name does")
  func comparing() {
    #expect(matches("Content-Length", "content-length"))
    #expect(matches("CONTENT-LENGTH", "content-length"))
    #expect(!matches("Content-Lengt", "content-length"))
    #expect(!matches("Content-Length1", "content-length"))
    #expect(!matches("Content\rLength", "content-length"), "CR is - without bit 5")
    #expect(!matches("a^", "a~"), "these share a hash")
    #expect(!matches("a@", "a`"))
    #expect(!matches("a\u{c1}", "aa"))
    #expect(matches("", ""))
  }

  @Test("an array and a span of the name do as well")
  func forms() {
    let bytes = latin1("X-Key")
    let range = ByteRange(start: 0, count: 5)
    for (name, expected) in [("x-key", true), ("x-kez", false), ("x-keyy", false)] {
      let array = HeaderName.matches(bytes.span, range, lowercased: latin1(name))
      let span = HeaderName.matches(bytes.span, range, lowercased: latin1(name).span)
      #expect(array == expected && span == expected, "\(name)")
    }
  }
}
