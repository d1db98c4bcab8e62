// LinkTLSTests.swift: links to real redis-servers over TLS: who is trusted, what is said when nobody is, and bytes that
// come one at a time.

import EventLoop
import TestKit
import Testing

@testable import RedisStore

/// A target at `host`, which stands for 127.0.0.1 whatever it is called.
private func rig(
  _ test: TestLoop, _ port: UInt16, host: String = "127.0.0.1",
  deadlines: Link.Deadlines = Link.Deadlines(
    preparation: 10_000_000_000, connect: 10_000_000_000, greeting: 10_000_000_000),
  _ configure: (inout TLSSettings) -> Void
) -> LinkRig {
  var settings = TLSSettings()
  configure(&settings)
  var target = RedisTarget(place: .host(host, port: port))
  target.tls = settings
  var local = target
  local.place = .host("127.0.0.1", port: port)
  let place = local
  return LinkRig(test, target, deadlines: deadlines, prepare: { Preparation.make(place) })
}

/// The first failure, or nil where the link came up.
private func outcome(_ test: TestLoop, _ rig: LinkRig) -> LinkFailure? {
  rig.link.start()
  let isOver = test.run { rig.link.isReady || !rig.observer.failures.isEmpty }
  #expect(isOver)
  guard rig.link.isReady else { return rig.observer.failures.first }
  #expect(rig.send("ECHO", "hello"))
  let isAnswered = test.run { rig.recorder.replies == [.text("hello")] }
  #expect(isAnswered)
  rig.link.stop()
  return rig.observer.failures.first
}

@Suite struct LinkTLSTests {
  @Test("the server's certificate is believed if its authority is and it is for the name or address that was asked for")
  func trust() throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let server = try RealRedis { certificates.serverOptions($0) }
    let trusted: (inout TLSSettings) -> Void = { $0.authorities = certificates.file("ca.pem") }
    for host in ["127.0.0.1", "redis.test", "localhost"] {
      #expect(outcome(test, rig(test, server.port, host: host, trusted)) == nil, "\(host)")
    }
    for host in ["elsewhere.test", "127.0.0.2", "redis.test.evil", "xredis.test"] {
      let failure = outcome(test, rig(test, server.port, host: host, trusted))
      #expect(failure?.failure == .tls)
      #expect(failure?.detail.contains("is not for \(host)") == true, "\(failure?.detail ?? "ready")")
    }
    let strange = outcome(test, rig(test, server.port) { $0.authorities = certificates.file("stranger.pem") })
    let system = outcome(test, rig(test, server.port) { _ in })
    for failure in [strange, system] {
      #expect(failure?.failure == .tls)
      #expect(failure?.detail.contains("?ca=") == true, "\(failure?.detail ?? "ready")")
    }
  }

  @Test("verify=off believes anybody")
  func unverified() throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let server = try RealRedis { certificates.serverOptions($0, certificate: "expired") }
    #expect(outcome(test, rig(test, server.port, host: "elsewhere.test") { $0.verifies = false }) == nil)
    let failure = outcome(test, rig(test, server.port) { $0.authorities = certificates.file("ca.pem") })
    #expect(failure?.failure == .tls)
    #expect(failure?.detail.contains("has expired") == true, "\(failure?.detail ?? "ready")")
  }

  @Test("a server that wants a client's certificate gets ours, and says what it dislikes")
  func clientCertificates() throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let server = try RealRedis { certificates.serverOptions($0, clients: true) }
    func result(certificate: String?, key: String?) -> LinkFailure? {
      outcome(
        test,
        rig(test, server.port) {
          $0.authorities = certificates.file("ca.pem")
          $0.certificate = certificate.map(certificates.file)
          $0.key = key.map(certificates.file)
        })
    }
    #expect(result(certificate: "client.pem", key: "client.key") == nil)
    #expect(result(certificate: "both.pem", key: nil) == nil)
    for (certificate, key, words) in [
      (nil, nil, "give ?cert= and ?key="), ("impostor.pem", "impostor.key", "authority of our certificate"),
      ("client.pem", "impostor.key", "?key="), ("client.pem", "locked.key", "without a passphrase"),
      ("empty.pem", "client.key", "empty.pem: no PEM certificate"),
      ("client.pem", "empty.pem", "empty.pem: no PEM key"),
      ("nowhere.pem", "client.key", "nowhere.pem cannot be read: No such file"),
    ] as [(String?, String?, String)] {
      let failure = result(certificate: certificate, key: key)
      #expect(failure?.failure == .tls)
      #expect(failure?.detail.contains(words) == true, "\(words): \(failure?.detail ?? "ready")")
    }
  }

  @Test("an authority's file that is missing or holds no certificate is named")
  func authorityFiles() throws {
    let certificates = try Certificates()
    for (name, words) in [("nowhere.pem", "cannot be read"), ("empty.pem", "no PEM certificates")] {
      var settings = TLSSettings()
      settings.authorities = certificates.file(name)
      let error = #expect(throws: TLSFailure.self) { _ = try TLSContext(settings) }
      #expect(error?.detail.contains("?ca=\(certificates.file(name))") == true)
      #expect(error?.detail.contains(words) == true, "\(error?.detail ?? "")")
    }
  }

  @Test("TLS 1.2 will do", arguments: ["TLSv1.2", "TLSv1.3"])
  func versions(version: String) throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let server = try RealRedis { certificates.serverOptions($0) + ["--tls-protocols", version] }
    #expect(outcome(test, rig(test, server.port) { $0.authorities = certificates.file("ca.pem") }) == nil)
  }

  @Test("plain text on a TLS port, and TLS on a plain port, say which URL to use")
  func mixedUp() throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let secure = try RealRedis { certificates.serverOptions($0) }
    let plain = LinkRig(test, secure.target)
    let failure = outcome(test, plain)
    #expect(failure?.detail.contains("rediss://") == true, "\(failure?.detail ?? "ready")")
    #expect([.disconnected, .protocolError].contains(failure?.failure))

    let open = try RealRedis()
    let silent = outcome(test, rig(test, open.port, deadlines: LinkRig.short) { _ in })
    #expect(silent?.detail.contains("redis://") == true, "\(silent?.detail ?? "ready")")
    #expect([.timeout, .tls].contains(silent?.failure))

    let talkative = try FakeRedis(test.loop)
    talkative.welcome = .say("-ERR Protocol error")
    let answered = outcome(test, rig(test, talkative.address.port ?? 0) { _ in })
    #expect(answered?.failure == .tls)
    #expect(answered?.detail.contains("not TLS; use redis://") == true, "\(answered?.detail ?? "ready")")
  }

  @Test("TLS works wherever the bytes are cut, both ways")
  func cut() throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let server = try RealRedis { certificates.serverOptions($0) }
    let proxy = try ByteByByte(test.loop, to: .v4(0x7f00_0001, port: server.port))
    let link = rig(test, proxy.address.port ?? 0) { $0.authorities = certificates.file("ca.pem") }
    link.link.start()
    #expect(test.run { link.link.isReady })
    let text = String(repeating: "weir", count: 10_000)
    #expect(link.send("ECHO", text) && link.send("PING"))
    #expect(test.run { link.recorder.replies == [.text(text), .status("PONG")] })
    #expect(link.observer.failures.isEmpty)
  }

  @Test("a link that is stopped says goodbye")
  func goodbye() throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let server = try RealRedis { certificates.serverOptions($0) }
    let proxy = try ByteByByte(test.loop, to: .v4(0x7f00_0001, port: server.port))
    let link = rig(test, proxy.address.port ?? 0) { $0.authorities = certificates.file("ca.pem") }
    link.link.start()
    #expect(test.run { link.link.isReady })
    test.run(turns: 10)
    let before = proxy.bytesUp
    link.link.stop()
    #expect(test.run { proxy.clientsGone == 1 })
    #expect(proxy.bytesUp > before, "an encrypted alert")
  }

  @Test("a large write and a large reply pass through TLS whole")
  func large() throws {
    let certificates = try Certificates()
    let test = try TestLoop()
    let server = try RealRedis { certificates.serverOptions($0) }
    let link = rig(test, server.port) { $0.authorities = certificates.file("ca.pem") }
    link.link.start()
    #expect(test.run { link.link.isReady })
    let text = String(repeating: "0123456789", count: 100_000)
    for _ in 0..<5 { #expect(link.send("ECHO", text)) }
    #expect(test.run { link.recorder.replies.count == 5 })
    #expect(link.recorder.replies.allSatisfy { $0 == .text(text) })
  }

  @Test("garbage in place of TLS never crashes", arguments: Seeds.of(1...20 as ClosedRange<UInt64>))
  func garbage(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let test = try TestLoop()
    let server = try RawServer(test.loop)
    server.bytes = (0..<Int.random(in: 1..<2000, using: &generator)).map { index in
      // Half of them begin as a handshake record of TLS 1.2 does.
      index < 3 && seed.isMultiple(of: 2) ? [22, 3, 3][index] : .random(in: 0...255, using: &generator)
    }
    let link = rig(test, server.address.port ?? 0, deadlines: LinkRig.short) { _ in }
    link.link.start()
    #expect(test.run { !link.observer.failures.isEmpty })
    #expect([.tls, .timeout, .disconnected].contains(link.observer.kinds[0]), "seed \(seed)")
  }
}
