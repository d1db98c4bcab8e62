// RequestCase.swift: request heads, each with what must come of it and the section that says so.

import HTTP1
import Testing

/// One input and its outcome.
struct RequestCase: Sendable, CustomTestStringConvertible {
  var rule: String
  var input: [UInt8]
  /// Nil where the head is accepted.
  var error: ParseError?

  var testDescription: String { rule }

  static func accepted(_ rule: String, _ text: String) -> RequestCase {
    RequestCase(rule: rule, input: latin1(text), error: nil)
  }

  /// Refused at the byte after `before`; what follows must not matter.
  static func refused(
    _ rule: String, _ reason: ParseError.Reason, after before: String, _ text: String
  ) -> RequestCase {
    let offset = before.unicodeScalars.count
    return RequestCase(rule: rule, input: latin1(before + text), error: ParseError(reason, at: offset))
  }

  private static let line = "GET / HTTP/1.1\r\n"

  static let accepted: [RequestCase] = [
    accepted("no header at all, no Host either", "GET / HTTP/1.1\r\n\r\n"),
    accepted("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"),
    accepted("9110-2.5 a higher minor version", "GET / HTTP/1.9\r\n\r\n"),
    accepted("9112-2.2 empty lines first", "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    accepted("9110-9.1 any token is a method", "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n\r\n"),
    accepted("9112-3.2.2 absolute form", "GET http://a.example/x?y HTTP/1.1\r\nHost: b\r\n\r\n"),
    accepted("9112-3.2.3 authority form", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
    accepted("9112-3.2.4 asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    accepted("raw bytes in the target", "GET /\u{80}\u{ff}%00%zz\"<>\\^`{|}# HTTP/1.1\r\n\r\n"),
    accepted("no white space after the colon", line + "Host:a\r\n\r\n"),
    accepted("9110-5.5 white space around the value", line + "Host: \t a b \t \r\n\r\n"),
    accepted("an empty value", line + "A:\r\nB: \t \r\nC:\r\n\r\n"),
    accepted("9110-5.5 obs-text and controls in a value", line + "A: \u{80}\u{ff}\u{1}\u{b}\u{7f}\u{1f}\r\n\r\n"),
    accepted("colons in a value", line + "A: b:c: d\r\nB: :\r\n\r\n"),
    accepted("every token character in a name", line + "!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n"),
    accepted("9112-6.2 a length", line + "Content-Length: 12\r\n\r\nhello, world"),
    accepted("a length of zero", line + "CONTENT-LENGTH:0\r\n\r\n"),
    accepted("leading zeros in a length", line + "content-length: 0000000000000000000000000012\r\n\r\n"),
    accepted("the longest length", line + "Content-Length: 9223372036854775807\r\n\r\n"),
    accepted("9112-7.1 chunked", line + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    accepted("9112-7 codings in any case", line + "tRANSFER-eNCODING: \tChUnKeD \r\n\r\n"),
    accepted("9112-9.6 close", line + "Connection: close\r\n\r\n"),
    accepted("close among other options", line + "Connection: keep-alive, foo\r\nConnection: bar ,\tCLOSE\r\n\r\n"),
    accepted("an option that only looks like close", line + "Connection: closed, xclose, close;x\r\n\r\n"),
    accepted("9112-9.3 keep-alive in HTTP/1.0", "GET / HTTP/1.0\r\nConnection: te,, Keep-Alive\r\n\r\n"),
    accepted("close beats keep-alive in HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"),
    accepted("9110-10.1.1 an expectation", line + "Expect: 100-Continue\r\n\r\n"),
    accepted("9110-10.1.1 no expectation in HTTP/1.0", "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
    accepted("another expectation", line + "Expect: 200-ok\r\n\r\n"),
    accepted("an empty Host", line + "Host:\r\n\r\n"),
    accepted("names as long as the framing ones", line + "Hose: a\r\nHose: b\r\nUser-Agent: close\r\n\r\n"),
    accepted("a second request behind the first", "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
    accepted("anything behind the head", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\0\n\r"),
  ]

  static let refused: [RequestCase] =
    [
      refused("a TLS hello", .notARequest, after: "", "\u{16}\u{3}\u{1}\u{2}"),
      refused("white space first", .notARequest, after: "", " GET / HTTP/1.1\r\n\r\n"),
      refused("a byte above 0x7f first", .notARequest, after: "", "\u{e9}"),
      refused("a NUL first", .notARequest, after: "\r\n", "\0"),
      refused("9112-2.2 LF alone first", .bareLF, after: "", "\nGET / HTTP/1.1\r\n\r\n"),
      refused("9112-2.2 CR alone first", .bareCR, after: "", "\rGET / HTTP/1.1\r\n\r\n"),
      refused("9112-2.2 CR twice", .bareCR, after: "\r\n", "\r\r\n"),
      refused("too many empty lines", .tooManyEmptyLines, after: "\r\n\r\n\r\n\r\n\r", "\nGET / HTTP/1.1\r\n\r\n"),
      refused("9110-9.1 no token", .invalidMethod, after: "GET", "@ / HTTP/1.1\r\n\r\n"),
      refused("9112-3 a tab between", .invalidMethod, after: "GET", "\t/ HTTP/1.1\r\n\r\n"),
      refused("a line with a method only", .invalidMethod, after: "GET", "\r\n"),
      refused("a line with a method and LF", .bareLF, after: "GET", "\n"),
      refused("9112-3 two spaces", .emptyTarget, after: "GET ", " / HTTP/1.1\r\n\r\n"),
      refused("9112-3.2 a control in the target", .invalidTarget, after: "GET /a", "\u{1}b HTTP/1.1\r\n\r\n"),
      refused("a tab in the target", .invalidTarget, after: "GET /a", "\tHTTP/1.1\r\n\r\n"),
      refused("a NUL in the target", .invalidTarget, after: "GET /", "\0 HTTP/1.1\r\n\r\n"),
      refused("a DEL in the target", .invalidTarget, after: "GET /12345678", "\u{7f} HTTP/1.1\r\n\r\n"),
      refused("HTTP/0.9", .malformedVersion, after: "GET /", "\r\n\r\n"),
      refused("HTTP/0.9 with LF", .bareLF, after: "GET /", "\n"),
      refused("9112-3 two spaces before the version", .malformedVersion, after: "GET / ", " HTTP/1.1\r\n\r\n"),
      refused("a space in the target", .malformedVersion, after: "GET /a ", "b HTTP/1.1\r\n\r\n"),
      refused("9112-2.3 case counts in HTTP", .malformedVersion, after: "GET / ", "http/1.1\r\n\r\n"),
      refused("another protocol", .malformedVersion, after: "GET / HT", "CPCP/1.0\r\n\r\n"),
      refused("HTTP/1", .malformedVersion, after: "GET / HTTP/1", "\r\n\r\n"),
      refused("HTTP/1,1", .malformedVersion, after: "GET / HTTP/1", ",1\r\n\r\n"),
      refused("HTTP/1.", .malformedVersion, after: "GET / HTTP/1.", "\r\n\r\n"),
      refused("9112-2.3 one digit", .malformedVersion, after: "GET / HTTP/1.1", "0\r\n\r\n"),
      refused("white space after the version", .malformedVersion, after: "GET / HTTP/1.1", " \r\n\r\n"),
      refused("no version but LF", .bareLF, after: "GET / HTTP/1.", "\n"),
      refused("9113-3.4 the HTTP/2 preface", .unsupportedVersion, after: "PRI * HTTP/", "2.0\r\n\r\nSM\r\n\r\n"),
      refused("HTTP/0.9 spelt out", .unsupportedVersion, after: "GET / HTTP/", "0.9\r\n\r\n"),
      refused("HTTP/3", .unsupportedVersion, after: "GET / HTTP/", "3\r\n\r\n"),
      refused("9112-2.2 LF ends the request line", .bareLF, after: "GET / HTTP/1.1", "\n\r\n"),
      refused("9112-2.2 CR alone in the request line", .bareCR, after: "GET / HTTP/1.1", "\rA: b\r\n\r\n"),
      refused("9112-2.2 white space before the first header", .obsoleteFolding, after: line, " A: b\r\n\r\n"),
      refused("9112-5.2 folding with a space", .obsoleteFolding, after: line + "A: b\r\n", " c\r\n\r\n"),
      refused("9112-5.2 folding with a tab", .obsoleteFolding, after: line + "A: b\r\n", "\tc: d\r\n\r\n"),
      refused("9112-5.1 a space before the colon", .spaceBeforeColon, after: line + "Content-Length", " : 5\r\n\r\n"),
      refused("9112-5.1 a tab before the colon", .spaceBeforeColon, after: line + "A", "\t: 5\r\n\r\n"),
      refused("9110-5.6.2 no name", .emptyHeaderName, after: line, ": a\r\n\r\n"),
      refused("9110-5.1 a name that is no token", .invalidHeaderName, after: line + "A", "\u{e9}: b\r\n\r\n"),
      refused("a quote in a name", .invalidHeaderName, after: line, "\"A\": b\r\n\r\n"),
      refused("a slash in a name", .invalidHeaderName, after: line + "a", "/b: b\r\n\r\n"),
      refused("a control in a name", .invalidHeaderName, after: line + "a", "\u{b}b: b\r\n\r\n"),
      refused("a NUL in a name", .nul, after: line + "a", "\0: b\r\n\r\n"),
      refused("a line without a colon", .missingColon, after: line + "abc", "\r\n\r\n"),
      refused("9112-2.2 LF in a name", .bareLF, after: line + "abc", "\n\r\n"),
      refused("9112-2.2 LF first in a line", .bareLF, after: line, "\n"),
      refused("9112-2.2 LF ends a header", .bareLF, after: line + "A: b", "\nC: d\r\n\r\n"),
      refused("LF behind white space", .bareLF, after: line + "A: ", "\n\r\n"),
      refused("9112-2.2 CR alone in a value", .bareCR, after: line + "A: b", "\rc\r\n\r\n"),
      refused("CR twice behind a value", .bareCR, after: line + "A: bbbbbbbbbbbbb", "\r\r\n\r\n"),
      refused("CR alone at the end of the head", .bareCR, after: line + "A: b\r\n", "\rx"),
      refused("9110-5.5 a NUL in a value", .nul, after: line + "A: bbbbbbbbbbbbb", "\0bbbbbbbbbb\r\n\r\n"),
      refused("a NUL first in a value", .nul, after: line + "A:", "\0\r\n\r\n"),
      refused("9112-3.2 a repeated Host", .repeatedHost, after: line + "Host: a\r\n", "hOST: a\r\n\r\n"),
      refused(
        "9112-6.3 a length and a coding", .contentLengthAndTransferEncoding,
        after: line + "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n\r\n"),
      refused(
        "9112-6.3 a coding and a length", .contentLengthAndTransferEncoding,
        after: line + "Transfer-Encoding: chunked\r\nX: y\r\n", "Content-Length: 5\r\n\r\n"),
      refused(
        "9112-6.1 a coding in HTTP/1.0", .transferEncodingInHTTP10,
        after: "GET / HTTP/1.0\r\n", "Transfer-Encoding: chunked\r\n\r\n"),
    ] + lengths + codings

  /// 9112-6.3, item 5: an invalid length is unrecoverable.
  private static let lengths: [RequestCase] =
    [
      "", "+5", "-5", "-0", "5 5", "5, 5", "5,", "0x5", "5a", "5.0", "1e3", "\u{b2}", "'5'", "9223372036854775808",
      "18446744073709551616", "99999999999999999999999999999999999999999999",
    ].map { value in
      refused("a length of \"\(value)\"", .invalidContentLength, after: line, "Content-Length: \(value)\r\n\r\n")
    } + [
      refused(
        "9112-6.3 two lengths", .repeatedContentLength,
        after: line + "Content-Length: 5\r\n", "Content-Length: 6\r\n\r\n"),
      refused(
        "the same length twice", .repeatedContentLength,
        after: line + "Content-Length: 5\r\nA: b\r\n", "content-length: 5\r\n\r\n"),
    ]

  /// 9112-6.1 and 6.3, item 4: chunked comes last and once; a coding that is not understood is 501 only where the
  /// message is otherwise well framed.
  private static let codings: [RequestCase] =
    [
      "", ",", "gzip", "identity", "chunked, chunked", "chunked, gzip", "gzip, chunked, chunked", "chunked,",
      ", chunked", "chunked;a=b", "gzip;q=1, chunked", "\"chunked\"", "chun ked", "xchunked", "chunked\u{b}",
      "\u{b}chunked", "gzip chunked", "chunked\u{ff}",
    ].map { value in
      refused("codings \"\(value)\"", .invalidTransferEncoding, after: line, "Transfer-Encoding: \(value)\r\n\r\n")
    } + [
      refused(
        "9112-6.1 another coding first", .unsupportedTransferCoding, after: line,
        "Transfer-Encoding: gzip, chunked\r\n\r\n"),
      refused(
        "codings in two lines", .unsupportedTransferCoding, after: line,
        "Transfer-Encoding: gzip\r\nA: b\r\nTransfer-Encoding: Chunked\r\n\r\n"),
      refused(
        "chunked in two lines", .invalidTransferEncoding, after: line + "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\n\r\n"),
      refused(
        "an empty line of codings after chunked", .invalidTransferEncoding,
        after: line + "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: \r\n\r\n"),
    ]
}
