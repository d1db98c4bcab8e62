// ResponseBufferTests.swift: bytes in, the same bytes out, and memory that is kept and given back.

import TestKit
import Testing

@testable import HTTP1

extension ResponseBuffer {
  /// A copy of the content.
  var copy: [UInt8] {
    withBytes { bytes in unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) } }
  }
}

@Suite struct ResponseBufferTests {
  @Test("what is appended comes out, in order, whatever its form")
  func forms() {
    var buffer = ResponseBuffer()
    buffer.append("static ")
    buffer.append(string: "dyn\(buffer.count)mic é ")
    buffer.append(latin1("\0\u{ff}").span)
    buffer.append(byte: 0x21)
    buffer.append("")
    buffer.append(string: "")
    buffer.append([UInt8]().span)
    let copy = buffer.copy
    #expect(copy == Array("static dyn7mic é ".utf8) + [0, 0xff, 0x21])
  }

  @Test("an empty buffer lends no bytes and holds no memory")
  func empty() {
    let buffer = ResponseBuffer()
    let (count, capacity, copy) = (buffer.count, buffer.capacity, buffer.copy)
    #expect(count == 0 && capacity == 0 && copy.isEmpty)
  }

  @Test(
    "numbers are written in digits",
    arguments: [0, 1, 9, 10, 99, 100, 1_000_000_007, Int64.max, -1, -10, Int64.min] as [Int64])
  func decimals(number: Int64) {
    var buffer = ResponseBuffer()
    buffer.append("n")
    buffer.append(decimal: number)
    let copy = buffer.copy
    #expect(copy == Array("n\(number)".utf8))
  }

  @Test("any series of calls gives what an array gives", arguments: 0..<10 as Range<UInt64>)
  func model(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var buffer = ResponseBuffer()
    var model: [UInt8] = []
    for _ in 0..<200 {
      switch Int.random(in: 0...9, using: &generator) {
      case 0...3:
        let size = Int.random(in: 0...1500, using: &generator)
        let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
        buffer.append(bytes.span)
        model += bytes
      case 4...5:
        let number =
          Int64.random(in: Int64.min...Int64.max, using: &generator) >> Int64.random(in: 0...63, using: &generator)
        buffer.append(decimal: number)
        model += Array("\(number)".utf8)
      case 6:
        let gap = buffer.openGap(width: 6)
        let before = model
        let body = Int.random(in: 0...999_999, using: &generator)
        buffer.append("after")
        buffer.close(gap, with: body)
        model = before + Array("\(body)after".utf8)
      case 7...8:
        let count = Int.random(in: 0...model.count, using: &generator)
        buffer.removeFirst(count)
        model.removeFirst(count)
      default:
        buffer.removeAll()
        model = []
      }
      let (copy, count, isEmpty) = (buffer.copy, buffer.count, buffer.isEmpty)
      #expect(copy == model)
      #expect(count == model.count && isEmpty == model.isEmpty)
    }
  }

  @Test(
    "a gap takes any number that fits and leaves no trace of itself",
    arguments: [(1, 0), (1, 9), (3, 10), (3, 999), (10, 0), (19, Int.max), (20, 5)])
  func gaps(width: Int, number: Int) {
    var buffer = ResponseBuffer()
    buffer.append("Content-Length: ")
    let gap = buffer.openGap(width: width)
    buffer.append("\r\n\r\nbody")
    buffer.close(gap, with: number)
    buffer.append("!")
    let copy = buffer.copy
    #expect(copy == Array("Content-Length: \(number)\r\n\r\nbody!".utf8))
  }

  @Test("a gap is filled behind bytes that were partly sent before it was opened")
  func gapBehindSentBytes() {
    var buffer = ResponseBuffer()
    buffer.append("first answer")
    buffer.removeFirst(6)
    let gap = buffer.openGap()
    buffer.append(latin1(String(repeating: "x", count: 3000)).span)
    buffer.close(gap, with: 42)
    let copy = buffer.copy
    #expect(copy == Array("answer42".utf8) + [UInt8](repeating: 0x78, count: 3000))
  }

  @Test("a number that does not fit its gap is our mistake and stops the process")
  func gapTooSmall() async {
    await #expect(processExitsWith: .failure) {
      var buffer = ResponseBuffer()
      let gap = buffer.openGap(width: 2)
      buffer.close(gap, with: 100)
    }
  }

  @Test("removing more than there is is our mistake and stops the process")
  func removeTooMuch() async {
    await #expect(processExitsWith: .failure) {
      var buffer = ResponseBuffer()
      buffer.append("ab")
      buffer.removeFirst(3)
    }
  }

  @Test("a warm buffer keeps its memory and does not grow, however long it is used")
  func warm() {
    var buffer = ResponseBuffer()
    let answer = [UInt8](repeating: 0x61, count: 700)
    for _ in 0..<3 { buffer.append(answer.span) }
    buffer.removeAll()
    let warm = buffer.capacity
    for _ in 0..<1000 {
      buffer.append(answer.span)
      buffer.removeFirst(buffer.count)
    }
    // A peer that takes all but a byte of each answer.
    for _ in 0..<1000 {
      buffer.append(answer.span)
      buffer.removeFirst(buffer.count - 1)
    }
    let after = buffer.capacity
    #expect(warm >= 2100 && after == warm)
  }

  @Test("memory above 1 MiB is given back")
  func shrinks() {
    var buffer = ResponseBuffer()
    let block = [UInt8](repeating: 0x61, count: 1 << 19)
    buffer.append(block.span)
    buffer.removeAll()
    let kept = buffer.capacity
    for _ in 0..<3 { buffer.append(block.span) }
    buffer.removeFirst(3 << 19)
    let afterLarge = buffer.capacity
    #expect(kept >= 1 << 19 && kept <= 1 << 20)
    #expect(afterLarge == 0)
  }
}
