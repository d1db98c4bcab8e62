// LatencyBenchmark.swift: the time from a question to its answer where nobody else asks: the median and the 99th
// percentile over one connection.

import Glibc

struct LatencyBenchmark {
  /// `127.0.0.1:PORT`
  var address: String
  static let warmUp = 2000

  /// Prints nanoseconds of a check, or of a request through a gateway.
  func check(path: String, times: Int) {
    let descriptor = quickConnection(to: address)
    let request = Array("GET \(path) HTTP/1.1\r\nHost: b\r\nX-Client: ann\r\n\r\n".utf8)
    var chunk = [UInt8](repeating: 0, count: 65_536)
    measure(times) {
      sendAll(request, to: descriptor)
      let count = receive(&chunk, from: descriptor)
      guard count > 12, chunk[..<12].elementsEqual("HTTP/1.1 200".utf8) else { stop("not an answer 200") }
    }
    close(descriptor)
  }

  /// Prints nanoseconds of a command's round trip.
  func call(_ command: [UInt8], times: Int) {
    var redis = RedisConnection(address)
    noDelay(redis.descriptor)
    measure(times) { _ = redis.ask(command) }
    close(redis.descriptor)
  }

  private func measure(_ times: Int, _ question: () -> Void) {
    for _ in 0..<Self.warmUp { question() }
    var durations: [Int64] = []
    durations.reserveCapacity(times)
    for _ in 0..<times {
      let start = monotonicNanoseconds()
      question()
      durations.append(monotonicNanoseconds() - start)
    }
    durations.sort()
    print(durations[times / 2], durations[times * 99 / 100])
  }
}
