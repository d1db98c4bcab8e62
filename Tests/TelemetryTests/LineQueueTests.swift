// LineQueueTests.swift: lines keep their order and stay whole; what finds no room is counted and told.

import Testing

@testable import Telemetry

@Suite struct LineQueueTests {
  /// A queue and a pipe that takes so many bytes.
  private final class Rig {
    private(set) var queue = LineQueue()
    var room: Int
    /// Bytes of one write that the pipe takes at most, as a terminal may.
    let most: Int
    /// What came out of the pipe.
    private(set) var text: [UInt8] = []
    /// Bytes that each write was given.
    var pieces: [Int] = []

    init(room: Int = 0, most: Int = .max) {
      self.room = room
      self.most = most
    }

    private func write(_ bytes: Span<UInt8>) -> Int {
      let count = min(room, most, bytes.count)
      pieces.append(bytes.count)
      room -= count
      for index in 0..<count { text.append(bytes[index]) }
      return count > 0 ? count : -1
    }

    func take(_ line: String) { queue.take(line, notice: Self.notice, write: write) }
    func takeAtOnce(_ line: String) -> Bool { queue.takeAtOnce(line, write: write) }
    func retry() { queue.retry(notice: Self.notice, write: write) }
    func takeAll() -> [UInt8] { queue.takeAll() }

    private static func notice(_ lines: UInt64) -> String { "\(lines) left out\n" }

    func wrote(_ expected: String) -> Bool { text == Array(expected.utf8) }
    func endsWith(_ expected: String) -> Bool { text.suffix(expected.utf8.count).elementsEqual(expected.utf8) }
    func mentions(_ part: String) -> Bool { String(decoding: text, as: UTF8.self).contains(part) }
  }

  @Test("a line that can be written is, and nothing waits")
  func written() {
    let rig = Rig(room: 100)
    rig.take("one\n")
    rig.take("two\n")
    #expect(rig.wrote("one\ntwo\n") && rig.queue.count == 0)
  }

  @Test("lines that must wait come in their order, before the next one")
  func order() {
    let rig = Rig()
    rig.take("one\n")
    rig.take("two\n")
    #expect(rig.wrote("") && rig.queue.count == 8)
    rig.room = 100
    rig.take("three\n")
    #expect(rig.wrote("one\ntwo\nthree\n") && rig.queue.count == 0)
  }

  @Test("wherever a line is cut, its rest comes before any other byte", arguments: [1, 2, 5, .max])
  func cut(most: Int) {
    let lines = ["one é\n", "two\n", "three\n"]
    let all = lines.joined()
    for room in 0..<all.utf8.count {
      let rig = Rig(room: room, most: most)
      for line in lines { rig.take(line) }
      #expect(rig.text.elementsEqual(all.utf8.prefix(room)) && rig.queue.count == all.utf8.count - room)
      #expect(!rig.takeAtOnce("at once\n"))
      rig.room = 1
      rig.retry()
      #expect(rig.text.elementsEqual(all.utf8.prefix(room + 1)))
      rig.room = 100
      rig.take("four\n")
      #expect(rig.wrote(all + "four\n") && rig.queue.count == 0)
    }
  }

  @Test("a write is given whole lines, as many as go in one; a longer line goes in pieces")
  func pieces() {
    let rig = Rig()
    let line = String(repeating: "x", count: 1_499) + "\n"
    for _ in 0..<3 { rig.take(line) }
    rig.room = .max
    rig.pieces = []
    rig.take(String(repeating: "y", count: 10_000) + "\n")
    #expect(rig.pieces == [3_000, 1_500, 4_096, 4_096, 1_809])
    #expect(rig.queue.count == 0)
  }

  @Test("beyond the bound lines are left out, and the next one that fits is preceded by how many")
  func bound() {
    let rig = Rig()
    let line = String(repeating: "x", count: 1_023) + "\n"
    for _ in 0..<Bounds.waitingLines / 1_024 { rig.take(line) }
    #expect(rig.queue.count == Bounds.waitingLines)
    for _ in 0..<7 { rig.take("lost\n") }
    #expect(rig.queue.count == Bounds.waitingLines)
    // Room for the line but not for what must be said before it.
    rig.room = 6
    rig.take("lost\n")
    #expect(rig.queue.count == Bounds.waitingLines - 6)
    rig.room = .max
    rig.take("found\n")
    #expect(rig.endsWith("x\n8 left out\nfound\n") && !rig.mentions("lost"))
    rig.take("next\n")
    #expect(rig.endsWith("x\n8 left out\nfound\nnext\n"))
  }

  @Test("once nothing waits any more, what was left out is told without a next line, and once")
  func toldLater() {
    let rig = Rig()
    rig.take(String(repeating: "x", count: Bounds.waitingLines - 1) + "\n")
    rig.take("lost\n")
    rig.room = 100
    rig.retry()
    #expect(!rig.mentions("left out"))
    rig.room = .max
    rig.retry()
    rig.retry()
    #expect(rig.endsWith("xx\n1 left out\n"))
  }

  @Test("a line alone is kept whatever its length, and nothing behind it")
  func long() {
    let rig = Rig()
    let line = String(repeating: "x", count: 2 * Bounds.waitingLines) + "\n"
    rig.take(line)
    rig.take("lost\n")
    #expect(rig.queue.count == line.utf8.count)
    rig.room = .max
    rig.retry()
    #expect(rig.wrote(line + "1 left out\n"))
  }

  @Test("at once or not at all: not behind others, not in part kept back; a rest that was cut is kept")
  func atOnce() {
    let rig = Rig()
    #expect(!rig.takeAtOnce("one\n") && rig.queue.count == 0)
    rig.take("two\n")
    #expect(!rig.takeAtOnce("one\n") && rig.queue.count == 4)
    rig.room = 6
    #expect(rig.takeAtOnce("three\n") && rig.queue.count == 4)
    rig.room = 4
    #expect(!rig.takeAtOnce("four\n"))
    rig.room = 5
    #expect(rig.takeAtOnce("five\n"))
    #expect(rig.wrote("two\nthree\nfive\n"))
  }

  @Test("who may wait himself takes all that waits")
  func takeAll() {
    let rig = Rig(room: 2)
    rig.take("one\n")
    #expect(rig.takeAll() == Array("e\n".utf8) && rig.queue.count == 0)
  }
}
