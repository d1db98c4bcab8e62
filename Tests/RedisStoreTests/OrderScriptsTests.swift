// OrderScriptsTests.swift: what orders.lua keeps and changes.lua tells, in a real Redis with its clock in the test's
// hands.

import Policies
import Testing

@testable import RedisStore

@Suite("orders.lua and changes.lua") struct OrderScriptsTests {
  let rig: ScriptRig
  let orders: Script
  let changes: Script
  static let keys = OrderKeys(domain: "api")
  /// Microseconds.
  static let now: Int64 = 1_700_000_000_000_000
  static let minute: Int64 = 60_000_000

  init() throws {
    rig = try ScriptRig()
    orders = rig.loadWithClock(.orders)
    changes = rig.loadWithClock(.changes)
  }

  // MARK: Asking

  /// What became of it; an error as it is.
  func call(_ words: [String], at clock: Int64, room: Int = 5) -> ScriptRig.Reply {
    let reply = said(words, at: clock, room: room)
    if case .array(let parts) = reply, parts.count == 2 { return parts[0] }
    return reply
  }

  func said(_ words: [String], at clock: Int64, room: Int = 5) -> ScriptRig.Reply {
    rig.setClock(clock)
    return rig.command(
      [Array("EVALSHA".utf8), orders.digest, Array("4".utf8)] + Self.names
        + ([words[0], words[1], "\(room)"] + words.dropFirst(2)).map { Array($0.utf8) })
  }

  /// The caller's clock is Redis's unless it is given.
  func set(_ name: String, until: Int64, at clock: Int64 = now, callers: Int64? = nil, room: Int = 5)
    -> ScriptRig.Reply
  {
    call(["set", name, "\(until)", "\(callers ?? clock)", "record of \(name)"], at: clock, room: room)
  }

  func end(_ name: String, at clock: Int64 = now) -> ScriptRig.Reply { call(["end", name], at: clock) }

  func reset(_ name: String, at clock: Int64 = now, room: Int = 5) -> ScriptRig.Reply {
    call(["reset", name], at: clock, room: room)
  }

  /// What changes.lua says.
  struct Page: Equatable {
    var epoch = ""
    var number: Int64 = 0
    var isAnew = false
    var hasMore = false
    /// Member and record; empty for none.
    var changes: [String: String] = [:]
    /// Microseconds.
    var ends: [String: Int64] = [:]
    /// Of resets, the number of their last change.
    var resets: [String: Int64] = [:]
  }

  func read(_ epoch: String = "", _ number: Int64 = 0, at clock: Int64 = now, members: Int = 100, bytes: Int = 10_000)
    -> Page?
  {
    rig.setClock(clock)
    let reply = rig.command(
      [Array("EVALSHA".utf8), changes.digest, Array("3".utf8), Self.keys.version, Self.keys.orders, Self.keys.changes]
        + [epoch, "\(number)", "\(members)", "\(bytes)"].map { Array($0.utf8) })
    guard case .array(let parts) = reply, parts.count >= 5, parts[0] == .integer(clock),
      case .text(let name) = parts[1],
      case .integer(let upTo) = parts[2]
    else {
      Issue.record("\(reply)")
      return nil
    }
    var page = Page(
      epoch: String(decoding: name, as: UTF8.self), number: upTo, isAnew: parts[3] == .integer(1),
      hasMore: parts[4] == .integer(1))
    for index in stride(from: 5, to: parts.count, by: 2) {
      guard case .text(let member) = parts[index], case .text(let value) = parts[index + 1] else { return nil }
      let name = String(decoding: member, as: UTF8.self)
      if name.hasPrefix("r") {
        page.resets[name] = Int64(String(decoding: value, as: UTF8.self))
        continue
      }
      page.changes[name] = String(decoding: value.dropFirst(7), as: UTF8.self)
      if !value.isEmpty { page.ends[name] = value.prefix(7).reduce(0) { $0 << 8 | Int64($1) } }
    }
    return page
  }

  func timeToLive(_ key: [UInt8]) -> Int64 {
    guard case .integer(let left) = rig.command([Array("PTTL".utf8), key]) else { return .min }
    return left
  }

  static let names = [keys.version, keys.orders, keys.changes, keys.ends]

  // MARK: Orders

  @Test("an order is told with its end, then only what changed, then that it was ended")
  func tells() throws {
    #expect(read() == Page(isAnew: true), "nothing is there")
    #expect(set("oa", until: Self.now + 9 * Self.minute) == .integer(1))
    let first = try #require(read())
    #expect(first.isAnew && !first.hasMore && first.changes == ["oa": "record of oa"])
    #expect(first.ends == ["oa": Self.now + 9 * Self.minute])
    #expect(set("ob", until: Self.now + Self.minute) == .integer(1))
    let second = try #require(read(first.epoch, first.number))
    #expect(!second.isAnew && second.changes == ["ob": "record of ob"] && second.number > first.number)
    #expect(read(second.epoch, second.number)?.changes == [:])
    #expect(end("oa") == .integer(1) && end("oa") == .integer(0))
    #expect(read(second.epoch, second.number)?.changes == ["oa": ""])
    #expect(read()?.changes == ["oa": "", "ob": "record of ob"])
  }

  @Test("each word says up to which number the orders are to be read to know of it")
  func numbers() throws {
    #expect(said(["end", "oa"], at: Self.now) == .array([.integer(0), .integer(0)]), "nothing is there")
    let until = "\(Self.now + 9 * Self.minute)"
    var last: Int64 = 0
    for words in [
      ["set", "oa", until, "\(Self.now)", "x"], ["set", "ob", until, "\(Self.now)", "x"], ["reset", "ra"],
      ["end", "oa"],
    ] {
      guard case .array(let parts) = said(words, at: Self.now), parts.count == 2, case .integer(let number) = parts[1]
      else {
        _ = Issue.record("\(words)")
        return
      }
      #expect(parts[0] == .integer(1) && number > last)
      #expect(read()?.number == number)
      last = number
    }
    #expect(said(["end", "oa"], at: Self.now) == .array([.integer(0), .integer(last)]))
    #expect(said(["reset", "rb"], at: Self.now, room: 1) == .array([.integer(-1), .integer(last)]))
    #expect(
      said(["set", "oc", until, until, "x"], at: Self.now, room: 1).self == .array([.integer(-2), .integer(last)]))
  }

  @Test("Redis's clock decides what has ended: it is told no more, and then forgotten")
  func ends() throws {
    _ = set("oa", until: Self.now + Self.minute)
    _ = set("ob", until: Self.now + 2 * Self.minute)
    #expect(read(at: Self.now + Self.minute - 1)?.changes["oa"] == "record of oa")
    #expect(read(at: Self.now + Self.minute)?.changes == ["oa": "", "ob": "record of ob"])
    #expect(end("oa", at: Self.now + Self.minute) == .integer(0))
    #expect(read(at: Self.now + Self.minute)?.changes == ["ob": "record of ob"])
    #expect(set("oc", until: Self.now, at: Self.now) == .integer(-2))
  }

  @Test("only so many orders at one time: a further one changes nothing until one has ended")
  func room() {
    for index in 0..<3 {
      #expect(set("o\(index)", until: Self.now + Int64(index + 1) * Self.minute, room: 3) == .integer(1))
    }
    #expect(set("o9", until: Self.now + Self.minute, room: 3) == .integer(-1))
    #expect(read()?.changes.count == 3)
    #expect(set("o2", until: Self.now + 2 * Self.minute, room: 3) == .integer(1), "one that is there may change")
    #expect(end("o2") == .integer(1))
    #expect(set("o9", until: Self.now + 9 * Self.minute, room: 3) == .integer(1))
    #expect(set("o8", until: Self.now + 9 * Self.minute, room: 3) == .integer(-1))
    #expect(set("o8", until: Self.now + 9 * Self.minute, at: Self.now + Self.minute, room: 3) == .integer(1))
  }

  @Test("all four keys expire when the last order in them ends, news after a minute")
  func expires() {
    _ = set("oa", until: Self.now + 5 * Self.minute)
    _ = set("ob", until: Self.now + 2 * Self.minute)
    for key in Self.names {
      let left = timeToLive(key)
      #expect(left > 290_000 && left <= 300_000)
    }
    _ = end("oa")
    for key in Self.names { #expect(timeToLive(key) <= 120_000 && timeToLive(key) > 110_000) }
    _ = end("ob")
    for key in Self.names { #expect(timeToLive(key) <= 60_000, "\(timeToLive(key))") }
  }

  @Test("the end of an order lies as far ahead as on the clock of whoever ordered it, if that is another one")
  func skew() {
    let hour = 60 * Self.minute
    for (lead, expected) in [(hour, 0), (-hour, 0), (1_000_000, 1_000_000), (-900_000, -900_000)] as [(Int64, Int64)] {
      #expect(set("oa", until: Self.now + lead + Self.minute, callers: Self.now + lead) == .integer(1))
      #expect(read()?.ends["oa"] == Self.now + Self.minute + expected, "\(lead)")
    }
    #expect(set("oa", until: Self.now + Self.minute, callers: Self.now + Self.minute) == .integer(-2))
  }

  @Test("a clock that steps back gives a higher version all the same")
  func stepsBack() throws {
    _ = set("oa", until: Self.now + 9 * Self.minute)
    let first = try #require(read())
    let earlier = Self.now - Self.minute
    _ = set("ob", until: Self.now + 9 * Self.minute, at: earlier)
    let second = try #require(read(first.epoch, first.number, at: earlier))
    #expect(!second.isAnew && second.number == first.number + 1 && second.changes == ["ob": "record of ob"])
  }

  // MARK: Resets

  @Test("a reset is told for a minute, and once more where it is told again")
  func resets() throws {
    #expect(reset("ra") == .integer(1) && reset("rb") == .integer(1))
    let page = try #require(read())
    #expect(page.changes == [:] && page.resets == ["ra": Self.now, "rb": Self.now + 1])
    for key in Self.names where key != Self.keys.orders {
      #expect(timeToLive(key) <= 60_000 && timeToLive(key) > 50_000)
    }
    #expect(reset("ra") == .integer(1))
    #expect(read(page.epoch, page.number)?.resets == ["ra": Self.now + 2])
    _ = set("oa", until: Self.now + 9 * Self.minute, at: Self.now + Self.minute)
    #expect(read(at: Self.now + Self.minute)?.changes == ["oa": "record of oa"])
  }

  @Test("too many resets within a minute: a further key is refused, one that was told may be told again")
  func resetRoom() throws {
    for index in 0..<6 { #expect(reset("r\(index)", room: 3) == .integer(1)) }
    let before = try #require(read())
    #expect(reset("r9", room: 3) == .integer(-1))
    #expect(read() == before)
    #expect(reset("r0", room: 3) == .integer(1))
    #expect(read(before.epoch, before.number)?.resets.keys.sorted() == ["r0"])
    #expect(reset("r9", at: Self.now + Self.minute, room: 3) == .integer(1))
  }

  // MARK: Pages

  @Test("what does not fit a page comes with the next ones, each change once", arguments: [1, 2, 3, 5, 7])
  func pages(size: Int) throws {
    for index in 0..<7 { _ = set("o\(index)", until: Self.now + Self.minute, room: 10) }
    for (members, bytes) in [(size, 10_000), (100, size * 20)] {
      var seen: [String] = []
      var epoch = ""
      var number: Int64 = 0
      for turn in 0..<20 {
        let page = try #require(read(epoch, number, members: members, bytes: bytes))
        #expect(page.isAnew == (turn == 0))
        seen += page.changes.keys
        (epoch, number) = (page.epoch, page.number)
        if !page.hasMore { break }
      }
      #expect(seen.sorted() == (0..<7).map { "o\($0)" })
    }
  }

  @Test("thousands of ended orders go in one call")
  func sweep() {
    for index in 0..<2_500 { _ = set("o\(index)", until: Self.now + Self.minute, room: 10_000) }
    #expect(set("next", until: Self.now + 2 * Self.minute, at: Self.now + Self.minute, room: 1) == .integer(1))
    for key in [Self.keys.changes, Self.keys.ends] {
      #expect(rig.command([Array("ZCARD".utf8), key]) == .integer(1))
    }
  }

  // MARK: What others do to the keys

  @Test(
    "a key that somebody deleted or put there makes the orders begin anew, and all who read notice", arguments: 0..<4)
  func damage(place: Int) throws {
    for value in ["", "text", "list"] {
      _ = set("oa", until: Self.now + Self.minute)
      let before = try #require(read())
      #expect(before.changes["oa"] == "record of oa")
      rig.command([Array("DEL".utf8), Self.names[place]])
      switch value {
      case "text": rig.command([Array("SET".utf8), Self.names[place], Array("hello".utf8)])
      case "list": rig.command([Array("RPUSH".utf8), Self.names[place], Array("hello".utf8)])
      default: break
      }
      _ = read()
      #expect(set("ob", until: Self.now + 2 * Self.minute, at: Self.now + 5) == .integer(1))
      let after = try #require(read(before.epoch, before.number, at: Self.now + 5))
      if Self.names[place] == Self.keys.orders, value.isEmpty {
        // As if all were ended: who reads whole sees it.
        #expect(!after.isAnew && read(at: Self.now + 5)?.changes == ["oa": "", "ob": "record of ob"])
      } else {
        #expect(after.isAnew && after.changes == ["ob": "record of ob"], "\(value)")
      }
      for key in Self.names { #expect(timeToLive(key) > 0) }
      rig.command("FLUSHALL")
    }
  }

  @Test("orders that Redis has lost begin with another epoch, though the number is higher than the one known")
  func lost() throws {
    _ = set("oa", until: Self.now + Self.minute)
    let before = try #require(read())
    rig.command("FLUSHALL")
    #expect(read(before.epoch, before.number) == Page(isAnew: true))
    _ = set("ob", until: Self.now + Self.minute, at: Self.now + 1)
    #expect(read(before.epoch, before.number, at: Self.now + 1)?.isAnew == true)
  }

  @Test("a full Redis refuses, and nothing has changed")
  func full() {
    _ = set("oa", until: Self.now + Self.minute)
    let before = read()
    rig.setClock(Self.now)
    rig.command("CONFIG", "SET", "maxmemory", "1")
    for words in [["set", "ob", "\(Self.now + Self.minute)", "\(Self.now)", "x"], ["reset", "ra"]] {
      let reply = rig.command(
        [Array("EVALSHA".utf8), orders.digest, Array("4".utf8)] + Self.names
          + ([words[0], words[1], "5"] + words.dropFirst(2)).map { Array($0.utf8) })
      guard case .error(let text) = reply else {
        Issue.record("\(words) was not refused: \(reply)")
        continue
      }
      #expect(text.contains("OOM"))
    }
    rig.command("CONFIG", "SET", "maxmemory", "0")
    #expect(read() == before)
  }

  @Test("how long news is told is the same in the script and among the bounds")
  func news() throws {
    let text = String(decoding: Script.orders.text, as: UTF8.self)
    #expect(text.contains("local NEWS = \(Bounds.orderNews / 1000)\n"))
  }
}
