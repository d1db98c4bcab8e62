// UnixClock.swift: the wall clock (CLOCK_REALTIME).

/// The time of day. May step in either direction.
public enum UnixClock {
  /// Nanoseconds since the Unix epoch.
  public static func nanoseconds() -> Int64 { Platform.clock(.wall) }
}
