// Bounds.swift: the limits of this room, each with its reason.

/// The limits of loops, sockets and timers.
public enum Bounds {
  /// Bytes that one read takes at most; one buffer of this size serves all streams of a loop.
  public static let readBuffer = 65_536
  /// Connections that may wait to be accepted. The kernel caps it (`net.core.somaxconn`, 4096 by default).
  public static let backlog: Int32 = 4096
  /// Milliseconds for which an accepted peer may take nothing of what the system holds for it. The system holds a hundred
  /// kilobytes and more for each, which nobody else would ever end. Not less, for Linux counts it as nothing when a peer
  /// takes a segment in several pieces, as it does whose window is smaller than one (64 KiB on loopback).
  static let untakenOutput: Int32 = 30_000
  /// Connections accepted in one go before the loop looks after the streams that it already has.
  static let acceptsPerTurn = 64
  /// Nanoseconds without accepting after an accept failed for lack of descriptors or memory: long enough not to spin,
  /// short enough that nobody gives up waiting.
  static let acceptPause: Int64 = 100_000_000
  /// Nanoseconds: the longest that a timer can be set for (a year). Longer ones are cut to it.
  public static let timer: ClosedRange<Int64> = 0...(366 * 86_400 * 1_000_000_000)
  /// Bytes of a Unix socket's path, with the NUL that ends it: what `sockaddr_un` has room for on every platform.
  static let unixPath = 104
  /// Bytes of a thread's name that Linux keeps.
  static let threadName = 15
}
