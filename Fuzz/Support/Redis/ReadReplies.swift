// ReadReplies.swift: what the real reader makes of bytes that come in pieces, as values that can be compared.

@testable import RedisStore

/// All replies in some bytes, and how the reading ended.
struct ReadReplies: Equatable {
  enum End: Equatable {
    case incomplete
    case malformed
  }

  var values: [ReferenceRESP] = []
  var end = End.incomplete

  /// - Parameter cuts: Where the bytes are cut, ascending.
  init(_ bytes: [UInt8], cuts: some Sequence<Int> = []) {
    let reader = ReplyReader()
    var start = 0
    for cut in Array(cuts) + [bytes.count] {
      reader.feed(bytes.span.extracting(start..<cut))
      start = cut
      reading: while end == .incomplete {
        switch reader.next() {
        case .reply: reader.withReply { values.append(ReferenceRESP($0)) }
        case .incomplete: break reading
        case .malformed: end = .malformed
        }
      }
    }
  }

  /// Lends the one reply that `value` comes as.
  static func with(_ value: ReferenceRESP, _ body: (Reply) -> Void) throws(Broken) {
    let reader = ReplyReader()
    let wire = value.wire
    reader.feed(wire.span)
    try require(reader.next() == .reply, "a proper reply was refused")
    reader.withReply(body)
  }
}

extension ReferenceRESP {
  init(_ reply: Reply) {
    switch reply.kind {
    case .string: self = .string(reply.allBytes)
    case .status: self = .status(reply.allBytes)
    case .error: self = .error(reply.allBytes)
    case .integer(let number): self = .integer(number)
    case .nil: self = .null
    case .array:
      var elements: [ReferenceRESP] = []
      reply.visitElements { elements.append(ReferenceRESP($0)) }
      self = .array(elements)
    }
  }
}
