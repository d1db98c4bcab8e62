import Testing

@testable import RedisStore

@Test("a script's digest is the name under which Redis loads it")
func digests() throws {
  let rig = try ScriptRig()
  #expect(Script(Array("abc".utf8)).digest == Array("a9993e364706816aba3e25717850c26c9cd0d89d".utf8))
  for script in Script.all {
    #expect(rig.command([Array("SCRIPT".utf8), Array("LOAD".utf8), script.text]) == .text(script.digest))
  }
}

@Suite("announce.lua") struct AnnounceTests {
  let rig: ScriptRig
  let script: Script
  static let lasting: Int64 = 10_000
  static let keys = ["weir:live:{a}", "weir:live:{b}"]

  init() throws {
    rig = try ScriptRig()
    script = rig.loadWithClock(.announce)
  }

  func announce(_ id: String, at milliseconds: Int64, keys: [String] = keys, stops: Bool = false) -> ScriptRig.Reply {
    rig.setClock(milliseconds * 1000 + 999)
    return rig.command(
      [Array("EVALSHA".utf8), script.digest]
        + ([String(keys.count)] + keys + [id, String(Self.lasting), stops ? "1" : "0"]).map { Array($0.utf8) })
  }

  static func counts(_ counts: Int64...) -> ScriptRig.Reply { .array(counts.map { .integer($0) }) }

  @Test("counts every weir of a domain that gave a sign of life, each once")
  func counts() {
    let now: Int64 = 1_700_000_000_000
    #expect(announce("x", at: now) == Self.counts(1, 1))
    #expect(announce("y", at: now + 1, keys: [Self.keys[1]]) == Self.counts(2))
    #expect(announce("x", at: now + 2) == Self.counts(1, 2))
    #expect(announce("y", at: now + Self.lasting) == Self.counts(2, 2), "both are recent enough")
  }

  @Test("forgets a weir whose last sign is as old as a sign lasts, and one that stops at once")
  func forgets() {
    let now: Int64 = 1_700_000_000_000
    _ = announce("x", at: now)
    _ = announce("y", at: now + 5)
    #expect(announce("y", at: now + Self.lasting - 1) == Self.counts(2, 2))
    #expect(announce("y", at: now + Self.lasting) == Self.counts(1, 1))
    #expect(announce("y", at: now + Self.lasting, stops: true) == Self.counts(0, 0))
    #expect(rig.keys.isEmpty)
  }

  @Test("after the clock stepped back, a sign from the future counts no longer than it would have")
  func steps() {
    let now: Int64 = 1_700_000_000_000
    _ = announce("x", at: now)
    #expect(announce("y", at: now - Self.lasting + 1) == Self.counts(2, 2))
    #expect(announce("y", at: now - Self.lasting) == Self.counts(1, 1))
  }

  @Test("every key expires with the last sign in it")
  func expires() {
    _ = announce("x", at: 1_700_000_000_000)
    for key in Self.keys {
      guard case .integer(let left) = rig.command("PTTL", key) else { return #expect(Bool(false), "no PTTL") }
      #expect(left > Self.lasting - 5_000 && left <= Self.lasting)
    }
  }
}
