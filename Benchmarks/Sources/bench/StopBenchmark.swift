// StopBenchmark.swift: how long answers take when the Redis behind weir stops where it stands (SIGSTOP). Many
// connections, each asking at a steady pace, so that no answer waits for another's turn.

import Glibc

struct StopBenchmark {
  /// `127.0.0.1:PORT` of weir.
  var address: String
  var path: String
  var redis: pid_t
  /// weir's --redis-timeout, in nanoseconds.
  var timeout: Int64

  private static let connections = 64
  private static let second: Int64 = 1_000_000_000
  /// Between two checks of a connection.
  private static let pace: Int64 = 20_000_000
  private static let calm = 2 * second
  private static let silence = 8 * second

  private struct Asker {
    var descriptor: Int32
    var due: Int64
    /// When its open question was sent; 0: none is.
    var asked: Int64 = 0
  }

  /// Prints nanoseconds: the slowest answer before the stop; the slowest of all after it; and the slowest, that of
  /// which 99 % are quicker, and the median from half a second after the first time-outs, when the breaker is open.
  func run() {
    let start = monotonicNanoseconds()
    var askers = (0..<Self.connections).map { index in
      Asker(descriptor: quickConnection(to: address), due: start + Self.pace * Int64(index) / Int64(Self.connections))
    }
    let stopAt = start + Self.calm
    let openAt = stopAt + timeout + Self.second / 2
    let end = stopAt + Self.silence
    var isStopped = false
    var before: [Int64] = []
    var after: [Int64] = []
    var open: [Int64] = []
    while true {
      let now = monotonicNanoseconds()
      if !isStopped, now >= stopAt {
        kill(redis, SIGSTOP)
        isStopped = true
      }
      guard now < end else { break }
      for (asked, answered) in turn(&askers, now) {
        let duration = answered - asked
        if asked < stopAt - Self.pace { before.append(duration) } else { after.append(duration) }
        if asked > openAt { open.append(duration) }
      }
    }
    kill(redis, SIGCONT)
    let waiting = askers.filter { $0.asked != 0 }.map { monotonicNanoseconds() - $0.asked }
    guard !before.isEmpty, !after.isEmpty, !open.isEmpty else { stop("too few answers") }
    open.sort()
    print(
      before.max() ?? 0, max(after.max() ?? 0, waiting.max() ?? 0), open[open.count - 1], open[open.count * 99 / 100],
      open[open.count / 2])
  }

  /// Asks what is due, waits for at most a millisecond, and returns the answers that came.
  private func turn(_ askers: inout [Asker], _ now: Int64) -> [(asked: Int64, answered: Int64)] {
    let request = Array("GET \(path) HTTP/1.1\r\nHost: b\r\nX-Client: ann\r\n\r\n".utf8)
    for index in askers.indices where askers[index].asked == 0 && askers[index].due <= now {
      askers[index].asked = monotonicNanoseconds()
      askers[index].due += Self.pace
      sendAll(request, to: askers[index].descriptor)
    }
    var wanted = askers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    guard unsafe poll(&wanted, nfds_t(wanted.count), 1) > 0 else { return [] }
    var answers: [(asked: Int64, answered: Int64)] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    for index in askers.indices where wanted[index].revents != 0 {
      guard receive(&chunk, from: askers[index].descriptor) > 0 else { stop("weir closed a connection") }
      answers.append((askers[index].asked, monotonicNanoseconds()))
      askers[index].asked = 0
    }
    return answers
  }
}
