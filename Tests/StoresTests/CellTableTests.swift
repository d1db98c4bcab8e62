// CellTableTests.swift: the table against a dictionary, with hashes that crowd one part of it.

import Limiting
import TestKit
import Testing

@testable import Stores

@Suite("the cell table") struct CellTableTests {
  static func entry(_ hash: KeyHash, _ amount: UInt32) -> CellTable.Entry {
    CellTable.Entry(hash: hash, cell: Cell(amount: amount), slot: 0, log: LogPool.none)
  }

  @Test("finds what was inserted and not removed, and nothing else", arguments: 0..<20 as Range<UInt64>)
  func agreesWithDictionary(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var table = CellTable()
    var truth: [UInt64: UInt32] = [:]
    // Half the seeds draw all homes from the last few places, so that runs wrap round the end.
    let mask: UInt64 = seed.isMultiple(of: 2) ? 0 : .max << 56
    func hash(_ key: UInt64) -> KeyHash { KeyHash(low: mask | key &* 0x9e37_79b9_7f4a_7c15, high: key) }
    for turn in 0..<4000 {
      let key = UInt64.random(in: 0..<300, using: &generator)
      let place = table.find(hash(key))
      #expect((place == nil) == (truth[key] == nil), "seed \(seed) turn \(turn)")
      if let place {
        #expect(table[place].amount == truth[key])
        if Bool.random(using: &generator) {
          table.remove(at: place)
          truth[key] = nil
        }
      } else if truth.count < 250, Bool.random(using: &generator) {
        table.insert(Self.entry(hash(key), UInt32(turn)))
        truth[key] = UInt32(turn)
      }
      #expect(table.count == truth.count)
    }
    for (key, amount) in truth {
      let place = table.find(hash(key))
      #expect(place != nil)
      if let place { #expect(table[place].amount == amount) }
    }
  }

  @Test("is at most 85 % full, and from a hundred cells on at least 62 % while it grows")
  func slack() {
    var table = CellTable()
    var generator = SeededGenerator(seed: 7)
    for count in 1...20_000 {
      table.insert(Self.entry(KeyHash(low: generator.next(), high: generator.next()), 0))
      #expect(count * 100 <= table.capacity * 85)
      if count > 100 { #expect(count * 100 >= table.capacity * 62) }
    }
  }

  @Test("gives memory back when it is nearly empty, and keeps what is left")
  func shrinks() {
    var table = CellTable()
    for key in 0..<1000 { table.insert(Self.entry(KeyHash(low: UInt64(key) << 54, high: UInt64(key)), UInt32(key))) }
    for key in 10..<1000 {
      guard let place = table.find(KeyHash(low: UInt64(key) << 54, high: UInt64(key))) else { continue }
      table.remove(at: place)
    }
    table.shrink()
    let capacity = table.capacity
    #expect(capacity < 50)
    for key in 0..<10 {
      let place = table.find(KeyHash(low: UInt64(key) << 54, high: UInt64(key)))
      #expect(place != nil)
    }
  }

  @Test("a place is 56 bytes")
  func size() {
    #expect(MemoryLayout<CellTable.Entry>.stride == 56)
  }
}
