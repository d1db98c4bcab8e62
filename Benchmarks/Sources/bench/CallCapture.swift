// CallCapture.swift: what weir really asks Redis for one check, overheard with MONITOR, so that yardsticks ask the same.

import Glibc

struct CallCapture {
  var weir: String
  var redis: String

  /// Writes the command to `file`, as RESP.
  func run(file: String) {
    var monitor = RedisConnection(redis)
    _ = monitor.ask(RedisConnection.command([Array("MONITOR".utf8)]))
    guard let descriptor = connection(to: weir) else { stop("no weir on \(weir)") }
    sendAll(Array("GET /check/v1/items HTTP/1.1\r\nHost: b\r\nX-Client: ann\r\n\r\n".utf8), to: descriptor)
    var parts: [[UInt8]] = []
    while parts.count < 4 || !String(decoding: parts[3], as: UTF8.self).contains(":default:") {
      let words = Self.words(monitor.reply())
      // Not what the script itself asks.
      parts = words.first.map { String(decoding: $0, as: UTF8.self).uppercased() == "EVALSHA" } == true ? words : []
    }
    close(descriptor)
    write(RedisConnection.command(parts), to: file)
  }

  /// The quoted words of a line of MONITOR, without their escapes.
  private static func words(_ line: [UInt8]) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var word: [UInt8]?
    var index = 0
    while index < line.count {
      let byte = line[index]
      index += 1
      switch (byte, word) {
      case (UInt8(ascii: "\""), nil): word = []
      case (UInt8(ascii: "\""), let ended?):
        words.append(ended)
        word = nil
      case (UInt8(ascii: "\\"), _?) where index < line.count:
        let letter = line[index]
        index += 1
        if letter == UInt8(ascii: "x"), index + 2 <= line.count {
          word?.append(UInt8(String(decoding: line[index..<index + 2], as: UTF8.self), radix: 16) ?? 0)
          index += 2
        } else {
          word?.append(unescaped(letter))
        }
      default: word?.append(byte)
      }
    }
    return words
  }

  private static func unescaped(_ letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "n"): 10
    case UInt8(ascii: "r"): 13
    case UInt8(ascii: "t"): 9
    case UInt8(ascii: "a"): 7
    case UInt8(ascii: "b"): 8
    default: letter
    }
  }

  private func write(_ bytes: [UInt8], to path: String) {
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0, unsafe Glibc.write(file, bytes, bytes.count) == bytes.count else { stop("cannot write \(path)") }
    close(file)
  }
}
