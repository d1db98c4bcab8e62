// Logger.swift: what the rest of the program logs with. It filters by level, builds the line and hands it to a sink;
// writing is the sink's, and the time is the caller's.

/// Writes events of a level or above to a sink. A value: copies share the sink, and any thread may use them.
public struct Logger: Sendable {
  public let level: LogLevel
  public let format: LogLine.Format
  private let sink: @Sendable (String) -> Void

  /// - Parameter sink: Takes one whole line with its line feed. Called on the caller's thread, from any of them.
  public init(level: LogLevel, format: LogLine.Format, sink: @escaping @Sendable (String) -> Void) {
    self.level = level
    self.format = format
    self.sink = sink
  }

  /// Whether an event of this level is written: ask before gathering fields that cost something.
  public func writes(_ level: LogLevel) -> Bool { level >= self.level }

  /// Writes one event, if its level is high enough.
  ///
  /// - Parameter unix: When it happened, in nanoseconds since the Unix epoch.
  public func log(
    _ level: LogLevel, _ event: String, _ fields: KeyValuePairs<String, LogValue> = [:], at unix: Int64
  ) {
    guard writes(level) else { return }
    log(level, event, fields.map { (name: $0.key, value: $0.value) }, at: unix)
  }

  /// The same with fields that depend on the event.
  public func log(_ level: LogLevel, _ event: String, _ fields: [(name: String, value: LogValue)], at unix: Int64) {
    guard writes(level) else { return }
    logAlways(level, event, fields, at: unix)
  }

  /// Writes one event whatever the level: what somebody changed must leave a trace.
  public func logAlways(
    _ level: LogLevel, _ event: String, _ fields: [(name: String, value: LogValue)], at unix: Int64
  ) {
    sink(LogLine.make(format, at: unix, level, event, fields))
  }
}
