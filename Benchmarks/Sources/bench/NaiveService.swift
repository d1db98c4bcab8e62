// NaiveService.swift: the limiter that most people would write: a thread a connection, and for each check one script call
// and one round trip on that thread's own connection to Redis. It asks what weir asks, and answers what weir answers;
// with less work otherwise: it parses nothing, matches nothing, and has one key.

import Glibc

struct NaiveService {
  /// `127.0.0.1:PORT` to serve on, and of the Redis.
  var address: String
  var redis: String
  /// The command of one check, as RESP.
  var call: [UInt8]

  private static let answer = Array(
    """
    HTTP/1.1 200 OK\r
    X-RateLimit-Limit: 1000000000\r
    X-RateLimit-Remaining: 999999999\r
    X-RateLimit-Reset: 1700000000\r
    Cache-Control: no-store\r
    Content-Length: 0\r
    \r

    """.utf8)

  /// Serves until it is killed.
  func run() -> Never {
    let listener = listener(on: address)
    while true {
      let peer = accept(listener, nil, nil)
      guard peer >= 0 else { stop("accept failed") }
      noDelay(peer)
      startThread { serve(peer) }
    }
  }

  private func serve(_ peer: Int32) {
    var redis = RedisConnection(self.redis)
    noDelay(redis.descriptor)
    var chunk = [UInt8](repeating: 0, count: 16_384)
    var held: [UInt8] = []
    while true {
      let count = receive(&chunk, from: peer)
      guard count > 0 else { break }
      held += chunk[..<count]
      // One request at a time is what wrk sends on a connection.
      guard held.suffix(4).elementsEqual("\r\n\r\n".utf8) else { continue }
      held.removeAll(keepingCapacity: true)
      _ = redis.ask(call)
      sendAll(Self.answer, to: peer)
    }
    close(peer)
    close(redis.descriptor)
  }
}
