// ErrorAnswerTests.swift: answers that are no decision, byte for byte.

import HTTP1
import TestKit
import Testing

@testable import CheckAPI

@Suite struct ErrorAnswerTests {
  @Test("a refusal is a problem of type about:blank with its own length")
  func problem() {
    let body = #"{"type":"about:blank","title":"Not Found","status":404,"detail":"nothing here"}"#
    let text = written { ErrorAnswer.write(Refusal(404, "nothing here"), isHead: false, after: .keep, to: &$0) }
    #expect(
      text == "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  @Test(
    "every status that the contract names is a problem that parses, with its own title",
    arguments: [400, 404, 405, 408, 413, 414, 415, 431, 501, 503, 505])
  func statuses(status: Int) throws {
    let response = try parsed(
      written { ErrorAnswer.write(Refusal(status, "d"), isHead: false, after: .close, to: &$0) })
    #expect(response.status == status)
    #expect(response["Connection"] == "close")
    let json = try #require(response.json)
    #expect(json.names == ["type", "title", "status", "detail"])
    #expect(json["status"]?.int == status)
    #expect(json["title"]?.string == response.reason)
    #expect(!response.reason.isEmpty)
    // Only what a wait may help says how long.
    #expect(response["Retry-After"] == (status == 503 ? "1" : nil))
  }

  @Test("a 405 lists the methods that are allowed")
  func allow() throws {
    let refusal = Refusal(405, "d", allow: "GET, HEAD")
    let response = try parsed(written { ErrorAnswer.write(refusal, isHead: false, after: .keep, to: &$0) })
    #expect(response["Allow"] == "GET, HEAD")
    #expect(response["Connection"] == nil)
  }

  @Test("whatever bytes a detail repeats, the body is JSON and the head is not touched")
  func hostileDetail() throws {
    let detail = "a\"b\\c\r\nX-Evil: 1\r\n\r\n\u{0}\u{1f}\u{7f}\u{2028}\u{1F30A}\t"
    let response = try parsed(
      written { ErrorAnswer.write(Refusal(400, detail), isHead: false, after: .keep, to: &$0) })
    #expect(response.json?["detail"]?.string == detail)
    #expect(response["X-Evil"] == nil)
  }

  @Test("HEAD is told the length of the body and gets none")
  func head() throws {
    let refusal = Refusal(404, "nothing")
    let whole = try parsed(written { ErrorAnswer.write(refusal, isHead: false, after: .keep, to: &$0) })
    let head = try parsed(written { ErrorAnswer.write(refusal, isHead: true, after: .keep, to: &$0) }, toHead: true)
    #expect(head["Content-Length"] == whole["Content-Length"])
    #expect(head.body.isEmpty && !whole.body.isEmpty)

    let page = written {
      ErrorAnswer.write(status: 200, type: "text/plain", body: "ok\n".utf8.span, isHead: true, after: .keep, to: &$0)
    }
    #expect(page.hasSuffix("Content-Length: 3\r\n\r\n"))
  }

  @Test("a page is its bytes with their type, and what becomes of the connection is said")
  func page() {
    let text = written {
      ErrorAnswer.write(
        status: 200, type: "text/plain; charset=utf-8", body: "ok\n".utf8.span, isHead: false, after: .keepHTTP10,
        to: &$0)
    }
    #expect(
      text == "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
        + "Connection: keep-alive\r\nContent-Length: 3\r\n\r\nok\n")
  }

  @Test("the interim answer has no headers")
  func interim() {
    #expect(written { ErrorAnswer.writeContinue(to: &$0) } == "HTTP/1.1 100 Continue\r\n\r\n")
  }

  @Test("an answer is appended behind what the buffer holds")
  func appends() throws {
    let one = written { ErrorAnswer.write(Refusal(404, "a"), isHead: false, after: .keep, to: &$0) }
    let two = written { out in
      ErrorAnswer.write(Refusal(404, "a"), isHead: false, after: .keep, to: &out)
      ErrorAnswer.write(Refusal(404, "a"), isHead: false, after: .keep, to: &out)
    }
    #expect(two == one + one)
  }
}
