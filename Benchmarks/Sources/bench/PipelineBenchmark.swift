// PipelineBenchmark.swift: what redis-benchmark -P 64 does with one command, for commands with NUL bytes, which it cuts
// short. The same 50 connections, each with 64 commands on their way; of `GET key` Redis spends as much time under both.

struct PipelineBenchmark {
  /// `127.0.0.1:PORT`
  var redis: String
  /// As RESP.
  var call: [UInt8]

  private static let connections = 50
  private static let depth = 64

  /// Asks at least `calls` times; prints how often it was.
  func run(calls: Int) {
    var open = (0..<Self.connections).map { _ in RedisConnection(redis) }
    let batch = (0..<Self.depth).flatMap { _ in call }
    for connection in open {
      noDelay(connection.descriptor)
      sendAll(batch, to: connection.descriptor)
    }
    let round = Self.connections * Self.depth
    let rounds = (calls + round - 1) / round
    for number in 1...rounds {
      for index in open.indices {
        for _ in 0..<Self.depth { _ = open[index].reply() }
        if number < rounds { sendAll(batch, to: open[index].descriptor) }
      }
    }
    print(rounds * round)
  }
}
