// LoggerTests.swift: the filter by level, and use from several threads.

import Synchronization
import Testing

@testable import Telemetry

@Suite struct LoggerTests {
  /// Collects lines; a lock, since a sink is called from any thread.
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
    func add(_ line: String) { all.withLock { $0.append(line) } }
  }

  @Test("what is below the level never reaches the sink", arguments: LogLevel.allCases)
  func filter(level: LogLevel) {
    let lines = Lines()
    let logger = Logger(level: level, format: .text) { lines.add($0) }
    for other in LogLevel.allCases {
      logger.log(other, "event", ["n": 1], at: 0)
      #expect(logger.writes(other) == (other.rawValue >= level.rawValue))
    }
    let expected = LogLevel.allCases.filter { $0 >= level }.map { "1970-01-01T00:00:00.000Z \($0.name) event n=1\n" }
    #expect(lines.all.withLock { $0 } == expected)
  }

  @Test("what must leave a trace reaches the sink whatever the level", arguments: LogLevel.allCases)
  func always(level: LogLevel) {
    let lines = Lines()
    let logger = Logger(level: level, format: .text) { lines.add($0) }
    logger.logAlways(.info, "event", [(name: "n", value: 1)], at: 0)
    #expect(lines.all.withLock { $0 } == ["1970-01-01T00:00:00.000Z info event n=1\n"])
  }

  @Test("several threads may log at once, a line an event")
  func threads() async {
    let lines = Lines()
    let logger = Logger(level: .info, format: .json) { lines.add($0) }
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask {
          for number in 0..<250 { logger.log(.info, "event", ["n": .integer(Int64(task * 250 + number))], at: 0) }
        }
      }
    }
    #expect(Set(lines.all.withLock { $0 }).count == 1_000)
  }

  @Test("levels are named as the option's words")
  func names() {
    #expect(LogLevel.allCases.map(\.name) == ["debug", "info", "warning", "error"])
  }
}
