// main.swift: the measuring programs by name, as `usage` lists them. scripts/bench calls these.

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "core" where arguments.count == 1:
  CoreBenchmark.run()
case "keys" where arguments.count == 1:
  KeysBenchmark.run()
case "cells" where arguments.count >= 3:
  let counts = arguments.dropFirst(2).map { text in
    guard let count = Int(text), CellsBenchmark.counts.contains(count) else { usage() }
    return count
  }
  guard let rounds = Int(arguments[1]), (1...100).contains(rounds) else { usage() }
  CellsBenchmark.run(counts: counts, rounds: rounds)
case "pace" where arguments.count == 5:
  guard let milliseconds = Int(arguments[4]), (100...60_000).contains(milliseconds) else { usage() }
  PaceBenchmark(address: arguments[1], path: arguments[2], rate: times(arguments[3])).run(milliseconds: milliseconds)
case "fill" where arguments.count == 3:
  guard let keys = Int(arguments[2]), (1...1_000_000_000).contains(keys) else { usage() }
  Filler(address: arguments[1]).fill(keys: keys)
case "start" where arguments.count == 4:
  guard let runs = Int(arguments[3]), (1...1000).contains(runs) else { usage() }
  StartBenchmark(binary: arguments[1], policies: arguments[2]).run(times: runs)
case "capture" where arguments.count == 4:
  CallCapture(weir: arguments[1], redis: arguments[2]).run(file: arguments[3])
case "naive" where arguments.count == 4:
  NaiveService(address: arguments[1], redis: arguments[2], call: contents(of: arguments[3])).run()
case "latency" where arguments.count == 4:
  LatencyBenchmark(address: arguments[1]).check(path: arguments[2], times: times(arguments[3]))
case "call" where arguments.count == 4:
  LatencyBenchmark(address: arguments[1]).call(contents(of: arguments[2]), times: times(arguments[3]))
case "pipeline" where arguments.count == 4:
  PipelineBenchmark(redis: arguments[1], call: contents(of: arguments[2])).run(calls: times(arguments[3]))
case "stop" where arguments.count == 5:
  guard let redis = Int32(arguments[3]), redis > 1, let timeout = Int64(arguments[4]), (1...60_000).contains(timeout)
  else { usage() }
  StopBenchmark(address: arguments[1], path: arguments[2], redis: redis, timeout: timeout * 1_000_000).run()
default:
  usage()
}

func times(_ text: String) -> Int {
  guard let times = Int(text), (1...10_000_000).contains(times) else { usage() }
  return times
}

func usage() -> Never {
  stop(
    """
    usage: bench core
           bench keys
           bench cells ROUNDS KEYS...
           bench pace SERVER PATH RATE MILLISECONDS
           bench fill WEIR KEYS
           bench start BINARY POLICIES RUNS
           bench capture WEIR REDIS CALLFILE
           bench naive ADDRESS REDIS CALLFILE
           bench latency WEIR PATH TIMES
           bench call REDIS CALLFILE TIMES
           bench pipeline REDIS CALLFILE TIMES
           bench stop WEIR PATH REDISPID TIMEOUTMS
    """)
}
