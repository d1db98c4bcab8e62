// LogLevel.swift: how much an event matters to an operator.

/// The level of an event, and the least level that is written.
public enum LogLevel: Int, Sendable, CaseIterable, Comparable {
  /// What helps to follow one check.
  case debug
  /// What happened as it should and is worth knowing: start, reload, drain.
  case info
  /// What works, though not as wanted: degraded, overflowing, a file with warnings.
  case warning
  /// What failed and needs somebody.
  case error

  /// The word that options and log lines use.
  public var name: String {
    switch self {
    case .debug: "debug"
    case .info: "info"
    case .warning: "warning"
    case .error: "error"
    }
  }

  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}
