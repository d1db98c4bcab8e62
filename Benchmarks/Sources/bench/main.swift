// main.swift: `bench core`, `bench fill ADDRESS KEYS`, `bench start BINARY POLICIES RUNS`. scripts/bench calls these.

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "core" where arguments.count == 1:
  CoreBenchmark.run()
case "fill" where arguments.count == 3:
  guard let keys = Int(arguments[2]), (1...1_000_000_000).contains(keys) else { usage() }
  Filler(address: arguments[1]).fill(keys: keys)
case "start" where arguments.count == 4:
  guard let runs = Int(arguments[3]), (1...1000).contains(runs) else { usage() }
  StartBenchmark(binary: arguments[1], policies: arguments[2]).run(times: runs)
default:
  usage()
}

func usage() -> Never {
  stop("usage: bench core | bench fill HOST:PORT KEYS | bench start BINARY POLICIES RUNS")
}
