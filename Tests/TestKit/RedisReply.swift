// RedisReply.swift: one reply of a Redis server, and the reader that takes it out of a stream (RESP2).

/// A reply. Texts are read as UTF-8: what tests write is.
public enum RedisReply: Sendable, Equatable {
  case null
  /// `+OK`
  case status(String)
  /// `-WRONGPASS …`, without the minus.
  case error(String)
  case integer(Int)
  case text(String)
  case array([RedisReply])

  public var int: Int? {
    switch self {
    case .integer(let value): value
    case .text(let text), .status(let text): Int(text)
    case .null, .error, .array: nil
    }
  }

  public var text: String? {
    switch self {
    case .text(let text), .status(let text): text
    case .null, .error, .integer, .array: nil
    }
  }

  public var array: [RedisReply]? { if case .array(let values) = self { values } else { nil } }
  /// The text of an error reply.
  public var error: String? { if case .error(let text) = self { text } else { nil } }
}

/// Reads replies out of bytes that may hold several, or a part of one.
struct RedisReplyReader {
  private var bytes: [UInt8] = []
  private var position = 0

  mutating func append(_ more: ArraySlice<UInt8>) {
    bytes.removeFirst(position)
    position = 0
    bytes += more
  }

  /// Takes the first reply; nil while it is incomplete.
  mutating func next() throws -> RedisReply? {
    let start = position
    if let reply = try read() { return reply }
    position = start
    return nil
  }

  private mutating func read() throws -> RedisReply? {
    guard let line = readLine(), let kind = line.first else { return nil }
    let rest = String(line.dropFirst())
    switch kind {
    case "+": return .status(rest)
    case "-": return .error(rest)
    case ":": return .integer(try number(rest))
    case "$":
      let count = try number(rest)
      guard count >= 0 else { return .null }
      guard bytes.count - position >= count + 2 else { return nil }
      defer { position += count + 2 }
      return .text(String(decoding: bytes[position..<position + count], as: UTF8.self))
    case "*":
      let count = try number(rest)
      guard count >= 0 else { return .null }
      var values: [RedisReply] = []
      for _ in 0..<count {
        guard let value = try read() else { return nil }
        values.append(value)
      }
      return .array(values)
    default: throw MalformedResponse(description: "Redis reply \"\(line)\"")
    }
  }

  /// The next line without its end, or nil while it is incomplete.
  private mutating func readLine() -> String? {
    guard let end = bytes[position...].firstIndex(of: 13), end + 1 < bytes.count else { return nil }
    defer { position = end + 2 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  private func number(_ text: String) throws -> Int {
    guard let value = Int(text) else { throw MalformedResponse(description: "Redis number \"\(text)\"") }
    return value
  }
}
