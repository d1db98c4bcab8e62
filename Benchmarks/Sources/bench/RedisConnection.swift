// RedisConnection.swift: a blocking connection to a Redis, for the yardsticks that weir is measured against.

struct RedisConnection {
  let descriptor: Int32
  private var bytes: [UInt8] = []
  /// Where the next reply begins in them.
  private var position = 0
  private var chunk = [UInt8](repeating: 0, count: 65_536)

  /// - Parameter address: `127.0.0.1:PORT`
  init(_ address: String) {
    guard let descriptor = connection(to: address) else { stop("no Redis on \(address)") }
    self.descriptor = descriptor
  }

  static func command(_ parts: [[UInt8]]) -> [UInt8] {
    parts.reduce(into: Array("*\(parts.count)\r\n".utf8)) { bytes, part in
      bytes += Array("$\(part.count)\r\n".utf8) + part + Array("\r\n".utf8)
    }
  }

  /// Sends a command as it stands and waits for its reply, which must not be an error.
  mutating func ask(_ command: [UInt8]) -> [UInt8] {
    sendAll(command, to: descriptor)
    return reply()
  }

  /// The next reply: the content of a bulk string (null: empty), or the line of another kind.
  mutating func reply() -> [UInt8] {
    while true {
      if let reply = takeReply() { return reply }
      bytes.removeFirst(position)
      position = 0
      let count = receive(&chunk, from: descriptor)
      guard count > 0 else { stop("Redis closed") }
      bytes += chunk[..<count]
    }
  }

  /// The first reply in `bytes`; nil while it is incomplete.
  private mutating func takeReply() -> [UInt8]? {
    guard let line = bytes[position...].firstIndex(of: 10) else { return nil }
    let head = bytes[position + 1..<line - 1]
    switch bytes[position] {
    case UInt8(ascii: "-"): stop("Redis says \(String(decoding: head, as: UTF8.self))")
    case UInt8(ascii: "$"):
      guard let count = Int(String(decoding: head, as: UTF8.self)) else { stop("not a reply of Redis") }
      guard count >= 0 else {
        position = line + 1
        return []
      }
      guard bytes.count >= line + 1 + count + 2 else { return nil }
      position = line + 1 + count + 2
      return Array(bytes[line + 1..<line + 1 + count])
    default:
      position = line + 1
      return Array(head)
    }
  }
}
