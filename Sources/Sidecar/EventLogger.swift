// EventLogger.swift: a logger that knows the time.

import EventLoop
import PolicyFiles
import Telemetry

struct EventLogger: Sendable {
  let logger: Logger

  func log(_ level: LogLevel, _ event: String, _ fields: KeyValuePairs<String, LogValue> = [:]) {
    logger.log(level, event, fields, at: UnixClock.nanoseconds())
  }

  /// The same with fields that depend on the event.
  func log(_ level: LogLevel, _ event: String, _ fields: [(name: String, value: LogValue)]) {
    logger.log(level, event, fields, at: UnixClock.nanoseconds())
  }

  /// The same, whatever the level.
  func logAlways(_ level: LogLevel, _ event: String, _ fields: [(name: String, value: LogValue)]) {
    logger.logAlways(level, event, fields, at: UnixClock.nanoseconds())
  }

  /// One event for a set that came into force, and one for each warning about it.
  func logLoaded(_ loaded: LoadedPolicies) {
    log(
      .info, "policies loaded",
      ["policies": .integer(Int64(loaded.policies.count)), "sha256": .string(loaded.sha256)])
    for warning in loaded.warnings { log(.warning, "policy warning", ["problem": .string(warning.text)]) }
  }
}
