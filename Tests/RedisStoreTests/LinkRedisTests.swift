// LinkRedisTests.swift: links to real redis-servers in plain text: log-ins, and what befalls a server.

import Glibc
import TestKit
import Testing

@testable import RedisStore

/// A command that writes, so that a Redis that takes no writes refuses it.
private let writingTrial = RedisCommand.bytes("SET", "weir:trial", "1", "PX", "1000")

@Suite struct LinkRedisTests {
  @Test("a link greets a real Redis, which knows it by name, in the database that was asked for")
  func greets() throws {
    let server = try RealRedis()
    let test = try TestLoop()
    var target = server.target
    target.database = 3
    let rig = LinkRig(test, target)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    #expect(rig.recorder.trialReplies == [.integer(1)], "the script was loaded")
    #expect(rig.send("CLIENT", "LIST") && rig.send("ECHO", String(repeating: "x", count: 500_000)))
    #expect(test.run { rig.recorder.replies.count == 2 })
    guard case .string(let list) = rig.recorder.replies.first else {
      Issue.record("\(rig.recorder.replies)")
      return
    }
    let line = String(decoding: list, as: UTF8.self)
    #expect(line.contains(" name=weir ") && line.contains(" db=3 "))
    #expect(rig.recorder.replies.last == .text(String(repeating: "x", count: 500_000)))
  }

  @Test("a password, and a user with a password, log in; wrong ones and none are failures of auth without secrets")
  func logins() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "users.acl",
      """
      user default on >s3cret ~* +@all
      user weir on >p%4@s ~weir:* +@all
      user little on >p%4@s ~weir:* +auth +client|setname

      """)
    let server = try RealRedis("--aclfile", directory.file("users.acl"))
    let test = try TestLoop()
    for (user, password, kind) in [
      (nil, "s3cret", nil), ("weir", "p%4@s", nil), (nil, "wrong-s3cret", .auth), ("weir", "s3cret", .auth),
      ("nobody", "s3cret", .auth), (nil, nil, .auth), ("little", "p%4@s", .permission),
    ] as [(String?, String?, RedisFailure?)] {
      var target = server.target
      target.user = user
      target.password = password
      let rig = LinkRig(test, target)
      rig.link.start()
      #expect(test.run { rig.link.isReady || !rig.observer.failures.isEmpty })
      #expect(rig.observer.kinds.first == kind, "\(user ?? "-") \(password ?? "-")")
      #expect(rig.link.isReady == (kind == nil))
      for failure in rig.observer.failures { #expect(!failure.detail.contains("s3cret"), "\(failure.detail)") }
    }
  }

  @Test("a password file is read at each attempt, so that a link heals when it is repaired")
  func passwordFile() throws {
    let server = try RealRedis("--requirepass", "s3cret word")
    let test = try TestLoop()
    let directory = try TemporaryDirectory()
    var target = server.target
    target.passwordFile = directory.file("password")
    let rig = LinkRig(test, target)
    rig.link.start()
    #expect(test.run { !rig.observer.failures.isEmpty })
    let missing = rig.observer.failures[0]
    #expect(missing.failure == .auth)
    #expect(missing.detail.contains("the password file \(directory.file("password")): No such file"))
    try directory.write("password", "wrong\n")
    #expect(test.run { rig.observer.failures.contains { $0.detail.contains("WRONGPASS") } })
    try directory.replace("password", "s3cret word\r\n")
    #expect(test.run { rig.link.isReady })
    #expect(!rig.observer.failures.contains { $0.detail.contains("s3cret") })
  }

  @Test("a replica, a full server and one without room for us are failures of their own kinds")
  func refusals() throws {
    let test = try TestLoop()
    for (options, kind, words) in [
      (["--replicaof", "127.0.0.1", "1"], RedisFailure.readOnly, "replica"),
      (["--maxmemory", "1"], .outOfMemory, "maxmemory"), (["--maxclients", "1"], .other, "max number of clients"),
    ] {
      let server = try RealRedis { ["--port", "\($0)"] + options }
      let first = LinkRig(test, server.target)
      if options[0] == "--maxclients" {
        first.link.start()
        #expect(test.run { first.link.isReady })
      }
      let recorder = LinkRecorder()
      let observer = RecordingObserver()
      let link = Link(
        loop: test.loop, target: server.target, breaker: SharedBreaker(), scripts: [], trial: { writingTrial },
        observer: observer, handler: recorder)
      link.start()
      #expect(test.run { !observer.failures.isEmpty })
      #expect(observer.kinds.first == kind)
      #expect(observer.failures.first?.detail.contains(words) == true, "\(observer.failures)")
      #expect(recorder.events.isEmpty)
      link.stop()
    }
  }

  @Test("CLIENT KILL costs one connection: the link is back, in order, and nothing old is answered")
  func clientKill() throws {
    let server = try RealRedis()
    let test = try TestLoop()
    let rig = LinkRig(test, server.target)
    rig.link.start()
    #expect(test.run { rig.link.isReady })
    #expect(rig.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"))
    _ = rig.send("ECHO", "old")
    #expect(test.run { rig.recorder.readies == 2 })
    #expect(rig.send("ECHO", "new"))
    #expect(test.run { rig.recorder.replies.last == .text("new") })
    #expect(rig.recorder.losses == [.disconnected])
    #expect(!rig.recorder.replies.contains(.text("old")))
  }

  @Test("a server that is stopped does not answer the greeting: a time-out; and it is found again when it goes on")
  func stopped() throws {
    let server = try RealRedis()
    let test = try TestLoop()
    server.signal(SIGSTOP)
    defer { server.signal(SIGCONT) }
    let rig = LinkRig(test, server.target, deadlines: LinkRig.short)
    rig.link.start()
    #expect(test.run { !rig.observer.failures.isEmpty })
    #expect(rig.observer.kinds.first == .timeout)
    #expect(rig.observer.failures.first?.detail.contains("overloaded or stopped") == true)
    server.signal(SIGCONT)
    #expect(test.run { rig.link.isReady })
  }
}
