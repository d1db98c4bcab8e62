// LogLineTests.swift: the two forms of a log line, and that no value can break out of its line.

import Testing

@testable import Telemetry

@Suite struct LogLineTests {
  static let instant: Int64 = 1_795_528_800_123_456_789  // 2026-11-24T14:00:00.123Z

  @Test("the text form is time, level, event and name=value")
  func text() {
    let line = LogLine.make(
      .text, at: Self.instant, .info, "listening",
      [
        ("listen", .list(["127.0.0.1:7429", "unix:/run/weir.sock"])), ("admin", "off"), ("threads", 2),
        ("shadow", false), ("path", "a b"), ("none", .list([])), ("empty", ""),
      ])
    #expect(
      line == "2026-11-24T14:00:00.123Z info listening listen=127.0.0.1:7429,unix:/run/weir.sock admin=off threads=2 "
        + "shadow=false path=\"a b\" none= empty=\"\"\n")
  }

  @Test("the JSON form has the same facts, typed")
  func json() {
    let line = LogLine.make(
      .json, at: Self.instant, .warning, "policies_loaded",
      [("listen", .list(["127.0.0.1:7429", "[::1]:0"])), ("count", -3), ("shadow", true), ("file", "p/é.yaml")])
    #expect(
      line == #"{"time":"2026-11-24T14:00:00.123Z","level":"warning","event":"policies_loaded","#
        + #""listen":["127.0.0.1:7429","[::1]:0"],"count":-3,"shadow":true,"file":"p/é.yaml"}"# + "\n")
  }

  @Test(
    "a value is bare in text only where it is one plain word",
    arguments: [
      ("plain", "plain"), ("/v1/x?y", "/v1/x?y"), ("", #""""#), ("a b", #""a b""#), ("a=b", #""a=b""#),
      ("a\"b", #""a\"b""#), ("a\\b", #""a\\b""#), ("a,b", "a,b"), ("naïve", "naïve"), ("日本", "日本"),
      ("a\nb", #""a\nb""#), ("a\r\nb", #""a\r\nb""#), ("a\tb", #""a\tb""#), ("a\0b", #""a\u0000b""#),
      ("\u{1b}[31m", #""\u001b[31m""#), ("\u{7f}", #""\u007f""#), ("\u{85}", #""\u0085""#),
      ("\u{9b}31m", #""\u009b31m""#), ("\u{2028}", #""\u2028""#), ("\u{2029}", #""\u2029""#),
      ("\u{202e}x", #""\u202ex""#), ("\u{200b}", #""\u200b""#), ("\u{feff}", #""\ufeff""#),
      ("\u{1f30a}", "\u{1f30a}"),
    ])
  func escaping(value: String, expected: String) {
    #expect(
      LogLine.make(.text, at: 0, .error, "x", [("v", .string(value))])
        == "1970-01-01T00:00:00.000Z error x v=\(expected)\n")
    let quoted = expected.hasPrefix("\"") ? expected : "\"\(expected)\""
    #expect(
      LogLine.make(.json, at: 0, .error, "x", [("v", .string(value))])
        == "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"error\",\"event\":\"x\",\"v\":\(quoted)}\n")
  }

  @Test("whatever a value holds, an event is one line without control characters", arguments: LogLine.Format.allCases)
  func oneLine(format: LogLine.Format) {
    for code in (0...0x2100 as ClosedRange<UInt32>) {
      guard let scalar = Unicode.Scalar(code) else { continue }
      let line = LogLine.make(
        format, at: 0, .info, "x", [("a", .string("b\(scalar)c")), ("d", .list(["\(scalar)"]))])
      let inside = line.unicodeScalars.dropLast()
      #expect(line.unicodeScalars.last == "\n")
      #expect(inside.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) && $0 != "\u{2028}" })
    }
  }

  @Test("an item of a list that holds the comma is quoted in text")
  func listItems() {
    let line = LogLine.make(.text, at: 0, .info, "x", [("v", ["a,b", "c", ""])])
    #expect(line == "1970-01-01T00:00:00.000Z info x v=\"a,b\",c,\"\"\n")
  }

  @Test("a value above 4096 bytes is cut between characters, with a mark")
  func longValue() {
    let line = LogLine.make(.text, at: 0, .info, "x", [("v", .string(String(repeating: "é", count: 3_000)))])
    #expect(line.hasSuffix("é…\"\n"))
    #expect(line.unicodeScalars.filter { $0 == "é" }.count == 2_048)
    let whole = LogLine.make(.text, at: 0, .info, "x", [("v", .string(String(repeating: "a", count: 4_096)))])
    #expect(whole.hasSuffix("aaa\n"))
  }

  @Test("a list above 256 items says how many are missing")
  func longList() {
    let line = LogLine.make(.json, at: 0, .info, "x", [("v", .list([String](repeating: "a", count: 300)))])
    #expect(line.hasSuffix(#""a","… and 44 more"]}"# + "\n"))
  }
}
