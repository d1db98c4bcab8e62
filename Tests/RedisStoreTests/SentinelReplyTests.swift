// SentinelReplyTests.swift: what sentinels say, and what they might.

import Testing

@testable import RedisStore

@Suite struct SentinelReplyTests {
  private func read<Result>(_ text: String, _ body: (Reply) -> Result) throws -> Result {
    let reader = ReplyReader()
    let bytes = Array((text + "\r\n").utf8)
    reader.feed(bytes.span)
    var result: Result?
    if reader.next() == .reply { reader.withReply { result = body($0) } }
    return try #require(result)
  }

  @Test(
    "the epoch is the value after its name, not a value that looks like the name",
    arguments: [
      (["name", "m", "config-epoch", "12", "quorum", "2"], 12), (["config-epoch", "0"], 0),
      (["name", "config-epoch", "port", "7"], nil), (["name", "m"], nil), (["config-epoch"], nil), ([], nil),
      (["config-epoch", "-1"], nil), (["config-epoch", "x"], nil), (["config-epoch", ""], nil),
      (["config-epoch", "999999999999999999"], 999_999_999_999_999_999),
      (["config-epoch", "9999999999999999999"], nil),
    ] as [([String], Int64?)])
  func epochs(words: [String], epoch: Int64?) throws {
    #expect(try read(FakeSentinel.array(words)) { SentinelReply.epoch($0) } == epoch)
  }

  @Test(
    "an address is a host and a port",
    arguments: [
      (["10.0.0.1", "6379"], "10.0.0.1:6379"), (["::1", "1"], "[::1]:1"),
      (["redis.internal", "65535"], "redis.internal:65535"),
      (["10.0.0.1", "0"], nil), (["10.0.0.1", "65536"], nil), (["10.0.0.1", "-1"], nil), (["", "1"], nil),
      (["10.0.0.1"], nil), (["a", "1", "2"], nil), (["a b", "1"], nil), (["a\u{1b}[31m", "1"], nil),
      ([String(repeating: "a", count: 255), "1"], String(repeating: "a", count: 255) + ":1"),
      ([String(repeating: "a", count: 256), "1"], nil),
    ] as [([String], String?)])
  func addresses(words: [String], address: String?) throws {
    #expect(try read(FakeSentinel.array(words)) { SentinelReply.address($0)?.description } == address)
  }

  @Test("what is no array has neither", arguments: ["*-1", "-ERR x", ":1", "+OK", "$1\r\na", "*2\r\n:1\r\n:2"])
  func nonsense(text: String) throws {
    #expect(try read(text) { SentinelReply.epoch($0) } == nil)
    #expect(try read(text) { SentinelReply.address($0) } == nil)
    #expect(try !read(text) { SentinelReply.announces($0, Array("m".utf8)) })
  }

  @Test("an announcement is for the master that it names, whole")
  func announcements() throws {
    func isOurs(_ words: [String]) throws -> Bool {
      try read(FakeSentinel.array(words)) { SentinelReply.announces($0, Array("my".utf8)) }
    }
    #expect(try isOurs(["message", "+switch-master", "my 10.0.0.1 1 10.0.0.2 2"]))
    #expect(try !isOurs(["message", "+switch-master", "mymaster 10.0.0.1 1 10.0.0.2 2"]))
    #expect(try !isOurs(["message", "+switch-master", "my"]))
    #expect(try !isOurs(["pong", "+switch-master", "my 1"]))
    #expect(try !isOurs(["message", "my "]))
  }
}
