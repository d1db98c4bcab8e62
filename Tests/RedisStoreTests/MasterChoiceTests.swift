// MasterChoiceTests.swift: whom to believe of several sentinels.

import Testing

@testable import RedisStore

@Suite struct MasterChoiceTests {
  private static let a = NodeAddress(host: "a", port: 1)
  private static let b = NodeAddress(host: "b", port: 1)

  private static func word(_ address: NodeAddress, _ epoch: Int64) -> MasterChoice.Word {
    MasterChoice.Word(address: address, epoch: epoch)
  }

  /// What each said, in order, and where the master is believed to be after each.
  private func believed(
    of sentinels: Int = 3, _ words: [(sentinel: Int, word: MasterChoice.Word?)]
  ) -> [NodeAddress?] {
    var choice = MasterChoice(sentinels: sentinels)
    return words.map { sentinel, word in
      let before = choice.current?.address
      let hasMoved = choice.heard(word, from: sentinel)
      #expect(hasMoved == (choice.current?.address != before))
      return choice.current?.address
    }
  }

  @Test("the first word is believed, whatever its epoch")
  func first() {
    #expect(believed([(2, nil), (1, Self.word(Self.a, 0))]) == [nil, Self.a])
  }

  @Test("a higher epoch is believed at once, from one sentinel alone")
  func higher() {
    let words = (0..<3).map { ($0, Self.word(Self.a, 4)) } + [(1, Self.word(Self.b, 5))]
    #expect(believed(words).last == Self.b)
  }

  @Test("a stale sentinel is not believed, neither beside a newer one nor after that has gone")
  func stale() {
    let words: [(Int, MasterChoice.Word?)] = [
      (0, Self.word(Self.b, 5)), (1, Self.word(Self.a, 4)), (0, nil), (1, Self.word(Self.a, 4)), (2, nil),
    ]
    #expect(believed(words) == Array(repeating: Self.b, count: 5))
  }

  @Test("more than half of the sentinels with a lower epoch were set up anew, and are believed")
  func reset() {
    let words: [(Int, MasterChoice.Word?)] = [
      (0, Self.word(Self.a, 7)), (1, Self.word(Self.a, 7)), (2, Self.word(Self.a, 7)),
      (0, Self.word(Self.b, 0)), (1, Self.word(Self.b, 0)), (2, Self.word(Self.b, 0)),
    ]
    #expect(believed(words) == [Self.a, Self.a, Self.a, Self.a, Self.a, Self.b])
    #expect(believed([words[0], words[1], words[2], (2, nil), words[3], words[4]]).last == Self.b)
    #expect(believed(of: 1, [words[0], (0, Self.word(Self.b, 0))]) == [Self.a, Self.b])
    #expect(believed(of: 2, [words[0], (0, Self.word(Self.b, 0))]) == [Self.a, Self.a])
  }

  @Test("of two addresses in one epoch the one that is believed stays")
  func tie() {
    let words: [(Int, MasterChoice.Word?)] = [
      (1, Self.word(Self.a, 4)), (0, Self.word(Self.b, 4)), (1, Self.word(Self.a, 4)), (1, nil),
    ]
    #expect(believed(words) == [Self.a, Self.a, Self.a, Self.b])
  }

  @Test("when nobody says anything, what was believed stays")
  func silence() {
    #expect(believed([(0, Self.word(Self.a, 4)), (0, nil), (1, nil)]) == [Self.a, Self.a, Self.a])
  }
}
