// StartBenchmark.swift: the time from starting the binary to its first answer, as a pod that comes up sees it.

import Glibc

struct StartBenchmark {
  var binary: String
  var policies: String

  /// Prints the median in milliseconds.
  func run(times: Int) {
    let sorted = (0..<times).map { _ in once() }.sorted()
    print(decimal(Double(sorted[sorted.count / 2]) / 1_000_000))
  }

  /// Nanoseconds of one start.
  private func once() -> Int64 {
    // Below the ports that the system gives to clients: a client there could connect to itself before weir listens.
    let port = 20_000 + UInt16.random(in: 0..<12_000)
    let address = "127.0.0.1:\(port)"
    let command = [
      binary, "serve", "--policies", policies, "--listen", address, "--admin", "off", "--log-level", "error",
    ]
    let arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
    let start = monotonicNanoseconds()
    var child: pid_t = 0
    guard unsafe posix_spawn(&child, binary, nil, nil, arguments, environ) == 0 else { stop("cannot start \(binary)") }
    defer {
      kill(child, SIGTERM)
      var status: Int32 = 0
      unsafe waitpid(child, &status, 0)
    }
    while monotonicNanoseconds() - start < 10_000_000_000 {
      if let descriptor = connection(to: address) {
        defer { close(descriptor) }
        sendAll(Array("GET /healthz HTTP/1.1\r\nHost: b\r\n\r\n".utf8), to: descriptor)
        var answer = [UInt8](repeating: 0, count: 12)
        guard unsafe recv(descriptor, &answer, answer.count, Int32(MSG_WAITALL)) == answer.count,
          String(decoding: answer, as: UTF8.self).hasSuffix("200")
        else { stop("not healthy at start") }
        return monotonicNanoseconds() - start
      }
      usleep(100)
    }
    stop("\(binary) did not listen on \(address) within 10 s")
  }
}
