// HandshakeTests.swift: what a greeting asks, and what it makes of the answers.

import Testing

@testable import RedisStore

private let trial = RedisCommand.bytes("EVALSHA", "abc", "0")

private func target(
  user: String? = nil, password: String? = nil, database: Int32 = 0
) -> RedisTarget {
  var target = RedisTarget(place: .host("h", port: 1))
  target.user = user
  target.password = password
  target.database = database
  return target
}

/// The commands of `request`, each as its words.
func commands(_ request: [UInt8]) -> [[String]] {
  let reader = ReplyReader()
  reader.feed(request)
  var values: [Value] = []
  while reader.next() == .reply {
    reader.withReply { values.append(Value($0)) }
  }
  return values.map { value in
    guard case .array(let words) = value else { return [] }
    return words.map { if case .string(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { "?" } }
  }
}

/// A greeting that replies are fed to.
private final class Greeting {
  private var handshake: Handshake
  private(set) var actions: [Handshake.Action] = []

  init(
    _ target: RedisTarget, checksRole: Bool = false, password: [UInt8]? = nil, scripts: [[UInt8]] = [[1], [2]]
  ) {
    handshake = Handshake(target: target, checksRole: checksRole, password: password, scripts: scripts, trial: trial)
  }

  var request: [UInt8] { handshake.request }

  func feed(_ replies: [String]) {
    let reader = ReplyReader()
    reader.feed(replies.flatMap { Array("\($0)\r\n".utf8) })
    for _ in replies {
      #expect(reader.next() == .reply)
      reader.withReply { actions.append(handshake.received($0)) }
    }
  }

  func interrupted(isPlain: Bool) -> LinkFailure {
    handshake.interrupted("it closed the connection", isPlain: isPlain)
  }
}

/// The greeting's action after each of `replies`.
private func actions(
  _ target: RedisTarget, password: [UInt8]? = nil, scripts: [[UInt8]] = [[1], [2]], _ replies: [String]
) -> [Handshake.Action] {
  let greeting = Greeting(target, password: password, scripts: scripts)
  greeting.feed(replies)
  return greeting.actions
}

private func failure(_ actions: [Handshake.Action]) -> LinkFailure? {
  guard case .failed(let failure) = actions.last else { return nil }
  return failure
}

@Suite struct HandshakeTests {
  @Test("it logs in, selects, gives its name, loads the scripts and tries, in this order and only what is needed")
  func requests() {
    func asked(_ target: RedisTarget, _ password: [UInt8]?, scripts: [[UInt8]] = []) -> [[String]] {
      commands(Greeting(target, password: password, scripts: scripts).request)
    }
    let rest = [["CLIENT", "SETNAME", "weir"], ["EVALSHA", "abc", "0"]]
    #expect(asked(target(), nil) == rest)
    #expect(asked(target(), Array("p w".utf8)) == [["AUTH", "p w"]] + rest)
    #expect(asked(target(user: "u"), Array("p".utf8)) == [["AUTH", "u", "p"]] + rest)
    #expect(asked(target(user: "u"), nil) == [["AUTH", "u", ""]] + rest)
    #expect(asked(target(database: 3), nil) == [["SELECT", "3"]] + rest)
    #expect(
      asked(target(user: "u", database: 12), [], scripts: [Array("return 1".utf8), Array("return 2".utf8)])
        == [
          ["AUTH", "u", ""], ["SELECT", "12"], ["CLIENT", "SETNAME", "weir"], ["SCRIPT", "LOAD", "return 1"],
          ["SCRIPT", "LOAD", "return 2"], ["EVALSHA", "abc", "0"],
        ])
  }

  @Test("bytes of a password are sent as they are")
  func binaryPassword() {
    let password: [UInt8] = [0, 13, 10, 255]
    let request = Greeting(target(), password: password, scripts: []).request
    let expected = Array("*2\r\n$4\r\nAUTH\r\n$4\r\n".utf8) + password
    #expect(request.starts(with: expected))
  }

  @Test("it is ready with the answer to the last command, not before")
  func ready() {
    let replies = ["+OK", "+OK", "+OK", "$1\r\na", "$1\r\nb", ":1"]
    #expect(
      actions(target(database: 1), password: [65], replies) == [.wait, .wait, .wait, .wait, .wait, .ready])
    #expect(actions(target(), scripts: [], ["+OK", "*1\r\n:3"]) == [.wait, .ready])
  }

  @Test("who has to be a master is asked its role before anything is loaded, and refused if it is none")
  func role() {
    func asked(_ replies: [String]) -> Greeting {
      let greeting = Greeting(target(), checksRole: true, scripts: [[1]])
      greeting.feed(replies)
      return greeting
    }
    let good = asked(["+OK", "*3\r\n$6\r\nmaster\r\n:0\r\n*0", "$1\r\na", ":1"])
    #expect(commands(good.request).map(\.first) == ["CLIENT", "ROLE", "SCRIPT", "EVALSHA"])
    #expect(good.actions == [.wait, .wait, .wait, .ready])
    for (reply, kind) in [
      ("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1", RedisFailure.readOnly),
      ("*2\r\n$8\r\nsentinel\r\n*0", .readOnly), ("*0", .protocolError), ("+OK", .protocolError),
      ("-NOPERM no permission to run 'role'", .permission),
    ] {
      let bad = asked(["+OK", reply])
      #expect(failure(bad.actions)?.failure == kind)
    }
  }

  @Test("a reply after the last is a protocol error")
  func surplus() {
    #expect(failure(actions(target(), scripts: [], ["+OK", ":1", ":2"]))?.failure == .protocolError)
  }

  @Test("a server that does not know CLIENT SETNAME is a server all the same")
  func nameless() {
    #expect(actions(target(), scripts: [], ["-ERR unknown command 'CLIENT'", ":1"]) == [.wait, .ready])
  }

  @Test(
    "the first error is the failure, whatever step it answers",
    arguments: [
      (["-WRONGPASS no"], RedisFailure.auth), (["-LOADING x"], .loading), (["-ERR invalid password"], .auth),
      (["+OK", "-ERR DB index is out of range"], .other), (["+OK", "-NOPERM x"], .permission),
      (["+OK", "-ERR SELECT is not allowed in cluster mode"], .cluster),
      (["+OK", "+OK", "+OK", "-NOPERM x"], .permission), (["+OK", "+OK", "+OK", "-LOADING x"], .loading),
      (["+OK", "+OK", "+OK", "$1\r\na", "$1\r\nb", "-READONLY x"], .readOnly),
      (["+OK", "+OK", "+OK", "$1\r\na", "$1\r\nb", "-OOM x"], .outOfMemory),
      (["+OK", "+OK", "+OK", "$1\r\na", "$1\r\nb", "-MOVED 1 h:1"], .cluster),
      (["+OK", "+OK", "+OK", "$1\r\na", "$1\r\nb", "-BUSY x"], .busy),
    ])
  func failures(replies: [String], kind: RedisFailure) {
    let actions = actions(target(database: 1), password: [65], replies)
    #expect(failure(actions)?.failure == kind)
    #expect(actions.dropLast().allSatisfy { $0 == .wait })
  }

  @Test("of a refused login no more than the first word is shown: servers repeat what they were sent")
  func secrets() {
    for reply in [
      "-ERR unknown command `AUTH`, with args beginning with: `mallory`, `s3cret`,", "-WRONGPASS s3cret",
      "-s3cret mallory", "-ERR AUTH <s3cret> called without any password configured", "-LOADING s3cret",
    ] {
      let detail = failure(actions(target(user: "mallory"), password: Array("s3cret".utf8), [reply]))?.detail ?? "none"
      #expect(!detail.contains("s3cret"))
      #expect(!detail.contains("mallory"))
      #expect(detail != "none")
    }
  }

  @Test("a missing password is told apart from a wrong one, and the rest in Redis's own words")
  func details() {
    let missing = failure(actions(target(), ["+OK", "-NOAUTH Authentication required."]))
    #expect(missing?.failure == .auth)
    #expect(missing?.detail == "Redis wants a password (NOAUTH); give one in --redis, or --redis-password-file")
    let refused = failure(actions(target(), password: [65], ["-WRONGPASS x"]))
    #expect(refused?.detail.contains("WRONGPASS") == true)
    #expect(refused?.detail.contains("check the user") == true)
    let index = failure(actions(target(database: 99), ["-ERR DB index is out of range"]))
    #expect(index?.detail == "the database cannot be selected: ERR DB index is out of range")
    let long = failure(actions(target(), ["+OK", "-NOPERM \(String(repeating: "x", count: 1000))"]))
    let length = long?.detail.utf8.count ?? 1000
    #expect(length < 350)
  }

  @Test("a server that says why it closes is quoted, though it seemed to answer the name")
  func interrupted() {
    func end(_ replies: [String], isPlain: Bool = true) -> LinkFailure {
      let greeting = Greeting(target(), scripts: [])
      greeting.feed(replies)
      return greeting.interrupted(isPlain: isPlain)
    }
    #expect(end(["-ERR max number of clients reached"]).detail.hasPrefix("ERR max number of clients reached"))
    #expect(end(["-DENIED Redis is running in protected mode"]).failure == .auth)
    #expect(end([]).failure == .disconnected && end([]).detail.contains("rediss://"))
    #expect(end(["+OK"]).detail == "it closed the connection during the greeting")
    #expect(end([], isPlain: false).detail == "it closed the connection during the greeting")
  }
}
