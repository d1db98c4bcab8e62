// KeptBytesTests.swift: the queue of bytes agrees with an array.

import TestKit
import Testing

@testable import EventLoop

@Suite struct KeptBytesTests {
  @Test(
    "appending and consuming agree with an array, and the memory that they take is known before",
    arguments: Seeds.of(0..<20))
  func model(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var kept = KeptBytes()
    var model: [UInt8] = []
    for step in 0..<2000 {
      if Bool.random(using: &random) {
        let new = (0..<Int.random(in: 0...600, using: &random)).map { UInt8(truncatingIfNeeded: $0 &+ step) }
        let expected = kept.capacity(for: kept.count + new.count)
        unsafe new.withUnsafeBytes { bytes in
          if let base = bytes.baseAddress { unsafe kept.append(base, bytes.count) }
        }
        #expect(kept.capacity == expected, "seed \(seed), step \(step)")
        model += new
      } else {
        let size = Int.random(in: 0...model.count, using: &random)
        let expected = kept.capacity(for: kept.count - size)
        kept.consume(size)
        #expect(kept.capacity == expected, "seed \(seed), step \(step)")
        model.removeFirst(size)
      }
      let count = kept.count
      let bytes = unsafe kept.bytes.map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: count)) } ?? []
      guard bytes == model else {
        Issue.record("seed \(seed), step \(step)")
        return
      }
    }
  }

  @Test("the memory that bytes are going to take is known before they come", arguments: [1, 100, 256, 257, 5_000])
  func capacity(size: Int) {
    var kept = KeptBytes()
    let bytes = [UInt8](repeating: 1, count: size)
    for times in 1...20 {
      let expected = kept.capacity(for: times * size)
      unsafe bytes.withUnsafeBytes { bytes in
        if let base = bytes.baseAddress { unsafe kept.append(base, size) }
      }
      #expect(kept.capacity(for: kept.count) == expected && expected >= kept.count)
    }
    kept.consume(kept.count)
    #expect(kept.capacity(for: 0) == 0 && kept.capacity(for: 300) == 300)
  }

  @Test("a little that is left of much is known to take little, before the rest is consumed")
  func shrinking() {
    var kept = KeptBytes()
    let bytes = [UInt8](repeating: 1, count: 131_072)
    unsafe bytes.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { unsafe kept.append(base, bytes.count) }
    }
    #expect(kept.capacity(for: 32_768) == 131_072 && kept.capacity(for: 1_024) == 1_024 && kept.capacity(for: 1) == 256)
    kept.consume(131_072 - 1_024)
    #expect(kept.capacity == 1_024)
  }
}

@Suite struct UVErrorTests {
  @Test("an error has a number, a symbol and words")
  func texts() {
    #expect(UVError.addressInUse.description == "EADDRINUSE: address already in use")
    #expect(UVError(errno: 98) == .addressInUse)
    #expect(UVError(code: -12345).name == "Unknown system error -12345")
    #expect(!UVError.addressInUse.isPeerGone)
  }
}
