// Filler.swift: gives a running weir as many different keys as are asked for, pipelined: memory is what is measured, so
// only the number of answers counts.

import Glibc

struct Filler {
  /// `127.0.0.1:PORT` of a data listener whose policy is keyed by `header.x-client`.
  var address: String

  private static let batch = 500

  func fill(keys: Int) {
    guard let descriptor = connection(to: address) else { stop("nothing listens on \(address)") }
    defer { close(descriptor) }
    var counter = AnswerCounter()
    var key = 0
    while key < keys {
      let end = min(key + Self.batch, keys)
      var text = ""
      for number in key..<end { text += "GET /check/a HTTP/1.1\r\nHost: b\r\nX-Client: client-\(number)\r\n\r\n" }
      sendAll(Array(text.utf8), to: descriptor)
      counter.wait(for: end - key, on: descriptor)
      key = end
    }
    print("\(keys) keys asked for once each")
  }
}

/// Counts answers without a body by the blank lines that end them.
private struct AnswerCounter {
  private var matched = 0
  private var chunk = [UInt8](repeating: 0, count: 65_536)
  private static let blankLine = Array("\r\n\r\n".utf8)
  private static let status = Array("HTTP/1.1 200".utf8)

  mutating func wait(for wanted: Int, on descriptor: Int32) {
    var seen = 0
    while seen < wanted {
      let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { stop("the server closed while it was asked") }
      if seen == 0, matched == 0, !chunk.starts(with: Self.status.prefix(count)) {
        stop("not an allowed check: \(String(decoding: chunk.prefix(min(count, 80)), as: UTF8.self))")
      }
      for index in 0..<count {
        matched = chunk[index] == Self.blankLine[matched] ? matched + 1 : chunk[index] == Self.blankLine[0] ? 1 : 0
        if matched == Self.blankLine.count {
          matched = 0
          seen += 1
        }
      }
    }
  }
}
