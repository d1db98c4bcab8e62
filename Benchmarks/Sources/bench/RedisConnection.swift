// RedisConnection.swift: a blocking connection to a Redis, for the yardsticks that weir is measured against.

struct RedisConnection {
  let descriptor: Int32
  private var bytes: [UInt8] = []
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

  /// The next reply: the content of a bulk string, or the line of another kind.
  mutating func reply() -> [UInt8] {
    while true {
      if let end = Self.end(of: bytes) {
        let reply = Array(bytes[..<end.all])
        bytes.removeFirst(end.all)
        guard reply[0] != UInt8(ascii: "-") else { stop("Redis says \(String(decoding: reply, as: UTF8.self))") }
        return Array(reply[end.content...].dropLast(2))
      }
      let count = receive(&chunk, from: descriptor)
      guard count > 0 else { stop("Redis closed") }
      bytes += chunk[..<count]
    }
  }

  /// Where the first reply's content begins and where the reply ends; nil while it is incomplete.
  private static func end(of bytes: [UInt8]) -> (content: Int, all: Int)? {
    guard let line = bytes.firstIndex(of: 10) else { return nil }
    guard bytes[0] == UInt8(ascii: "$") else { return (1, line + 1) }
    guard let count = Int(String(decoding: bytes[1..<line - 1], as: UTF8.self)), count >= 0 else {
      stop("not a reply of these scripts")
    }
    let all = line + 1 + count + 2
    return bytes.count < all ? nil : (line + 1, all)
  }
}
