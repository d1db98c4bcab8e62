// RedisFailureReplyTests.swift: which error of Redis is which failure. Texts as Redis 6.2, 7.0 and 7.2 send them.

import Testing

@testable import RedisStore

@Suite struct RedisFailureReplyTests {
  @Test(
    "an error's first word is its kind, in and outside of scripts",
    arguments: [
      ("NOAUTH Authentication required.", RedisFailure.auth),
      ("WRONGPASS invalid username-password pair or user is disabled.", .auth),
      ("DENIED Redis is running in protected mode because protected mode is enabled", .auth),
      ("NOPERM this user has no permissions to run the 'evalsha' command", .permission),
      ("NOPERM No permissions to access a key", .permission),
      (
        "ERR The user executing the script can't run this command or subcommand script: abc, on @user_script:1.",
        .permission
      ),
      ("READONLY You can't write against a read only replica.", .readOnly),
      ("READONLY You can't write against a read only replica. script: abc, on @user_script:3.", .readOnly),
      (
        "ERR Error running script (call to f_abc): @user_script:1: @user_script: 1: -READONLY You can't write",
        .readOnly
      ),
      (
        "ERR Error running script (call to f_abc): @user_script:1: @user_script: 1: -OOM command not allowed",
        .outOfMemory
      ),
      ("LOADING Redis is loading the dataset in memory", .loading),
      ("OOM command not allowed when used memory > 'maxmemory'.", .outOfMemory),
      ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", .busy),
      ("MOVED 3999 127.0.0.1:6381", .cluster), ("ASK 3999 127.0.0.1:6381", .cluster),
      ("CLUSTERDOWN Hash slot not served", .cluster), ("CROSSSLOT Keys in request don't hash", .cluster),
      ("MASTERDOWN Link with MASTER is down", .other), ("MISCONF Redis is configured to save", .other),
      ("NOREPLICAS Not enough good replicas to write.", .other), ("ERR unknown command", .other), ("", .other),
      ("lower case", .other), ("BUSYKEY Target key name already exists.", .other),
      ("ERR Error running script (call to f_abc): @user_script:1: user said: -nothing", .other),
    ])
  func kinds(text: String, failure: RedisFailure) {
    #expect(RedisFailure(errorReply: Array(text.utf8).span) == failure)
  }

  @Test(
    "errors of a Redis that cannot serve us for now ask for a new connection, others do not",
    arguments: [
      ("READONLY x", true), ("LOADING x", true), ("MASTERDOWN x", true), ("NOAUTH x", true),
      ("ERR Error running script (call to f_a): @user_script:1: -READONLY x", true),
      ("ERR Error running script (call to f_a): @user_script:1: -MASTERDOWN x", true), ("OOM x", false),
      ("BUSY x", false), ("NOPERM x", false), ("MOVED 1 x", false), ("ERR x", false), ("NOSCRIPT x", false),
    ])
  func reconnects(text: String, needsNewConnection: Bool) {
    #expect(ErrorReply(Array(text.utf8).span).needsNewConnection == needsNewConnection)
  }

  @Test("time-outs are slow failures, whatever answered is a quick one")
  func quick() {
    #expect(RedisFailure.allCases.filter { !$0.isQuick } == [.timeout, .resolve])
  }

  @Test("each failure has advice")
  func advice() {
    #expect(Set(RedisFailure.allCases.map(\.advice)).count == RedisFailure.allCases.count)
  }

  @Test("text from outside is cut and cannot move a terminal's cursor or break a line")
  func printable() {
    let text = "a\u{0}\n\u{7f}\u{9b}\u{202e}\u{2028}é" + String(repeating: "x", count: 500)
    let shown = RedisFailure.printable(Array(text.utf8).span)
    #expect(shown.hasPrefix("a??????é"))
    #expect(shown.utf8.count <= 200)
    #expect(RedisFailure.printable([0xff, 0x41].span) == "\u{fffd}A")
    #expect(RedisFailure.printable([UInt8]().span) == "")
  }
}
