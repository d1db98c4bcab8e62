// ReplyReaderTests.swift: bytes to replies, however they are cut, and garbage.

import TestKit
import Testing

@testable import RedisStore

/// A reply as a value that can be compared.
indirect enum Value: Equatable {
  case string([UInt8])
  case integer(Int64)
  case array([Value])
  case status(String)
  case error(String)
  case `nil`

  init(_ reply: Reply) {
    let bytes = reply.withBytes { span in span.indices.map { span[$0] } }
    switch reply.kind {
    case .string: self = .string(bytes)
    case .integer(let number): self = .integer(number)
    case .status: self = .status(String(decoding: bytes, as: UTF8.self))
    case .error: self = .error(String(decoding: bytes, as: UTF8.self))
    case .nil: self = .nil
    case .array(let count):
      var values: [Value] = []
      reply.visitElements { values.append(Value($0)) }
      self = .array(values)
      if values.count != count { self = .error("an array of \(count) gave \(values.count)") }
    }
  }

  static func text(_ text: String) -> Value { .string(Array(text.utf8)) }

  /// As Redis writes it.
  var wire: [UInt8] {
    switch self {
    case .string(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
    case .integer(let number): Array(":\(number)\r\n".utf8)
    case .array(let values): Array("*\(values.count)\r\n".utf8) + values.flatMap(\.wire)
    case .status(let text): Array("+\(text)\r\n".utf8)
    case .error(let text): Array("-\(text)\r\n".utf8)
    case .nil: Array("$-1\r\n".utf8)
    }
  }

  static func random(_ generator: inout SeededGenerator, depth: Int = 0) -> Value {
    switch Int.random(in: 0..<(depth < 5 ? 7 : 5), using: &generator) {
    case 0: .integer(.random(in: .min ... .max, using: &generator))
    case 1: .status("OK")
    case 2: .error("ERR \(UInt8.random(in: 0...9, using: &generator))")
    case 3: .nil
    case 4:
      .string(
        (0..<Int.random(in: 0..<300, using: &generator)).map { _ in .random(in: 0...255, using: &generator) })
    default:
      .array((0..<Int.random(in: 0..<5, using: &generator)).map { _ in random(&generator, depth: depth + 1) })
    }
  }
}

extension ReplyReader {
  func feed(_ bytes: [UInt8]) { feed(bytes.span) }
}

/// All replies in `pieces`, and how the last asking ended.
private func read(_ pieces: [[UInt8]]) -> (values: [Value], end: ReplyReader.Outcome) {
  let reader = ReplyReader()
  var values: [Value] = []
  for piece in pieces {
    reader.feed(piece)
    while true {
      let outcome = reader.next()
      guard outcome == .reply else {
        if outcome == .incomplete { break }
        return (values, outcome)
      }
      reader.withReply { values.append(Value($0)) }
    }
  }
  return (values, .incomplete)
}

private func isMalformed(_ outcome: ReplyReader.Outcome) -> Bool {
  if case .malformed = outcome { true } else { false }
}

@Suite struct ReplyReaderTests {
  @Test("each kind of reply is read, and nothing is left over")
  func kinds() {
    let values: [Value] = [
      .text("hello"), .text(""), .string([0, 13, 10, 255]), .integer(0), .integer(.min), .integer(.max), .array([]),
      .array([.integer(1), .array([.text("x"), .nil]), .error("ERR y")]), .status("OK"), .status(""),
      .error("NOAUTH no"), .nil,
    ]
    for value in values { #expect(read([value.wire]) == ([value], .incomplete)) }
    #expect(read([values.flatMap(\.wire)]) == (values, .incomplete))
    #expect(read([Array("*-1\r\n".utf8)]) == ([.nil], .incomplete))
  }

  @Test("replies are the same wherever the bytes are cut", arguments: UInt64(1)...8)
  func pieces(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let values = (0..<10).map { _ in Value.random(&generator) }
    let wire = values.flatMap(\.wire)
    #expect(read(wire.map { [$0] }) == (values, .incomplete), "seed \(seed), byte by byte")
    for cut in 1..<min(wire.count, 400) {
      #expect(read([Array(wire[..<cut]), Array(wire[cut...])]) == (values, .incomplete), "seed \(seed), cut at \(cut)")
    }
  }

  @Test("an array's elements are found after more bytes have come, whatever hiredis has dropped meanwhile")
  func longArray() {
    let value = Value.array((0..<300).map { .string([UInt8](repeating: UInt8($0 & 255), count: 3000)) })
    let wire = value.wire
    let pieces = stride(from: 0, to: wire.count, by: 1111).map { Array(wire[$0..<min($0 + 1111, wire.count)]) }
    #expect(read(pieces) == ([value], .incomplete))
  }

  @Test(
    "what is no reply is malformed and stays so",
    arguments: [
      "HTTP/1.1 400 Bad Request\r\n", "\u{15}\u{3}\u{3}\0\u{2}\u{2}F", "\r\n", "hello\r\n", ":1x\r\n", ":\r\n",
      ":9223372036854775808\r\n", "$x\r\n", "$-2\r\n", "$99999999999999999999\r\n", "*-2\r\n", "*2147483648\r\n",
      "*2147483647\r\n", "*1000000\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
      "*2\r\n:1\r\n?",
    ])
  func garbage(text: String) {
    let reader = ReplyReader()
    reader.feed(Array(text.utf8))
    #expect(isMalformed(reader.next()))
    reader.feed(Array(":1\r\n".utf8))
    #expect(isMalformed(reader.next()))
  }

  @Test("types of RESP3, which was not asked for, are malformed", arguments: [",1.5\r\n", "#t\r\n", "_\r\n", "%0\r\n"])
  func resp3(text: String) {
    #expect(isMalformed(read([Array(text.utf8)]).end))
    #expect(isMalformed(read([Array("*1\r\n\(text)".utf8)]).end))
  }

  @Test("a reply above a megabyte is malformed before it is kept, one below is read")
  func size() {
    let long = Value.string([UInt8](repeating: 7, count: Bounds.reply - 100))
    #expect(read([long.wire]) == ([long], .incomplete))
    let reader = ReplyReader()
    reader.feed(Array("$500000000\r\n".utf8))
    let chunk = [UInt8](repeating: 7, count: 65_536)
    var chunks = 0
    while reader.next() == .incomplete, chunks < 100 {
      reader.feed(chunk)
      chunks += 1
    }
    #expect(chunks == 16)
    // An array of many small strings is as long.
    let small = Value.string([UInt8](repeating: 7, count: 1000)).wire
    let many = ReplyReader()
    many.feed(Array("*100000\r\n".utf8))
    chunks = 0
    while many.next() == .incomplete, chunks < 5000 {
      many.feed(small)
      chunks += 1
    }
    #expect((1000...1100).contains(chunks))
  }

  @Test("random garbage, and replies with some bytes changed, never crash the reader", arguments: UInt64(1)...10)
  func fuzz(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet = Array("+-:$*\r\n0123456789,#_%~=(xOK".utf8)
    for _ in 0..<300 {
      var wire = Value.array([Value.random(&generator), Value.random(&generator)]).wire
      if Bool.random(using: &generator) {
        wire = (0..<Int.random(in: 1..<60, using: &generator)).map { _ in
          Bool.random(using: &generator) ? generator.pick(alphabet) : .random(in: 0...255, using: &generator)
        }
      } else {
        for _ in 0..<Int.random(in: 1..<5, using: &generator) {
          wire[Int.random(in: 0..<wire.count, using: &generator)] = generator.pick(alphabet)
        }
      }
      let whole = read([wire])
      let single = read(wire.map { [$0] })
      #expect(whole.values == single.values, "seed \(seed): \(wire)")
    }
  }

  @Test("quoted text is short and safe to print")
  func quoted() {
    let reader = ReplyReader()
    reader.feed(Value.error("ERR a\u{1b}[31m\tb" + String(repeating: "é", count: 300)).wire)
    #expect(reader.next() == .reply)
    reader.withReply { reply in
      let text = reply.quoted()
      #expect(text.hasPrefix("ERR a?[31m?bé"))
      #expect(text.utf8.count <= Bounds.quotedReply + 2)
    }
  }
}
