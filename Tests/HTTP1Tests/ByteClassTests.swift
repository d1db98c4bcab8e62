// ByteClassTests.swift: which bytes may stand where, and that the eight-at-a-time scans stop where one-at-a-time ones do.

import TestKit
import Testing

@testable import HTTP1

@Suite struct ByteClassTests {
  @Test("token characters are those of RFC 9110 section 5.6.2, of all 256 bytes")
  func tokens() {
    let tokens = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    for byte in UInt8.min...UInt8.max { #expect(ByteClass.isToken(byte) == tokens.contains(byte), "byte \(byte)") }
  }

  @Test("only ASCII capitals have another lower case")
  func lowercase() {
    for byte in UInt8.min...UInt8.max {
      #expect(ByteClass.lowercase(byte) == ((65...90).contains(byte) ? byte + 32 : byte), "byte \(byte)")
    }
  }

  @Test("the scans stop at the first byte that does not belong, whatever it is and wherever it stands")
  func everyByteInEveryPlace() {
    let room = GuardedBytes(capacity: 64)
    for byte in UInt8.min...UInt8.max {
      for place in 0..<20 {
        // The byte before it is the one whose borrow could be taken for a hit.
        var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 20)
        bytes[place] = byte
        let (value, target) = room.lend(bytes) { span in
          (ByteClass.endOfValue(span, from: 0, to: 20), ByteClass.endOfTarget(span, from: 0, to: 20))
        }
        #expect(value == (byte == 0 || byte == 10 || byte == 13 ? place : 20), "byte \(byte) at \(place)")
        #expect(target == (byte <= 32 || byte == 127 ? place : 20), "byte \(byte) at \(place)")
      }
    }
  }

  @Test("the scans agree with one byte at a time on any bytes", arguments: 0..<20 as Range<UInt64>)
  func randomBytes(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let count = Int.random(in: 0...40, using: &generator)
      // Mostly bytes near the edges of the classes.
      let bytes = (0..<count).map { _ in
        [0x0d, 0x0e, 0x09, 0x20, 0x21, 0x7e, 0x7f, 0x80, 0xff, 0x61, 0x61, 0x61].randomElement(using: &generator)!
          as UInt8
      }
      let start = Int.random(in: 0...count, using: &generator)
      let end = Int.random(in: start...count, using: &generator)
      let value = bytes[start..<end].firstIndex { !ByteClass.isValue($0) } ?? end
      let target = bytes[start..<end].firstIndex { !ByteClass.isTarget($0) } ?? end
      #expect(ByteClass.endOfValue(bytes.span, from: start, to: end) == value, "\(bytes) \(start)..<\(end)")
      #expect(ByteClass.endOfTarget(bytes.span, from: start, to: end) == target, "\(bytes) \(start)..<\(end)")
    }
  }
}
