// Reply.swift: one reply of Redis (RESP2), as a view into its reader.

/// A reply, or an element of one, good for the time of the callback that brings it: its bytes belong to the reader,
/// which uses them again for the next reply.
struct Reply {
  enum Kind: Equatable, Sendable {
    /// A bulk string; see `withBytes`.
    case string
    case integer(Int64)
    case array(count: Int)
    /// `+OK`; see `withBytes`.
    case status
    /// `-ERR …`; see `withBytes`.
    case error
    case `nil`
  }

  private let reader: ReplyReader
  private let index: Int

  init(reader: ReplyReader, index: Int) {
    self.reader = reader
    self.index = index
  }

  var kind: Kind {
    let node = reader.nodes[index]
    return switch node.kind {
    case .string: .string
    case .integer: .integer(node.number)
    case .array: .array(count: Int(node.count))
    case .status: .status
    case .error: .error
    case .none: .nil
    }
  }

  var isError: Bool { reader.nodes[index].kind == .error }

  /// The bytes of a string, a status or an error (without its `-`); none for the other kinds.
  func withBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let node = reader.nodes[index]
    let range = node.hasBytes ? node.start..<node.start + Int(node.count) : 0..<0
    let bytes = reader.bytes
    return try body(bytes.span.extracting(range))
  }

  /// Calls `body` with each element of an array, in order; not at all for the other kinds.
  func visitElements<Failure: Error>(_ body: (Reply) throws(Failure) -> Void) throws(Failure) {
    var next = reader.nodes[index].firstElement
    while next != 0 {
      try body(Reply(reader: reader, index: next))
      next = reader.nodes[next].nextElement
    }
  }

  /// The integers among an array's elements.
  var integers: [Int64] {
    // Not by `forEach`: the optimiser of Swift 6.3 fails on it here.
    var integers: [Int64] = []
    var next = reader.nodes[index].firstElement
    while next != 0 {
      if reader.nodes[next].kind == .integer { integers.append(reader.nodes[next].number) }
      next = reader.nodes[next].nextElement
    }
    return integers
  }

  /// The bytes as text for a log line: at most `Bounds.quotedReply`, control characters and what is no UTF-8 replaced.
  func quoted() -> String {
    withBytes { RedisFailure.printable($0) }
  }
}
