// StandardError.swift: where log lines go. One write(2) a line, under a lock, so that lines of several threads never
// mix, also where a line is longer than what a pipe takes at once.

import Glibc
import Synchronization
public import Telemetry

/// The process's standard error, as a sink for log lines.
public enum StandardError {
  /// Held while a line is written. Nothing is kept in it.
  private static let turn = Mutex<Void>(())
  /// Milliseconds that a line waits for a reader that lets its pipe run full and does not block us itself.
  private static let patience: Int32 = 100

  /// Writes one line, which brings its own line feed. What cannot be written is dropped: there is nobody left to tell.
  public static func write(_ line: String) {
    turn.withLock { _ in _ = writeAll(line, to: STDERR_FILENO) }
  }

  /// Writes one line, which brings its own line feed, unless that would wait: for a reader, or for another thread's
  /// line. At most `Bounds.atomicLine` bytes: so much fits where `poll` sees room.
  ///
  /// - Returns: Whether it was written.
  static func writeAtOnce(_ line: String) -> Bool {
    guard line.utf8.count <= Bounds.atomicLine else { return false }
    let isWritten = turn.withLockIfAvailable { _ in
      var poller = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
      guard unsafe poll(&poller, 1, 0) == 1, poller.revents & Int16(POLLOUT) != 0 else { return false }
      return writeAll(line, to: STDERR_FILENO)
    }
    return isWritten ?? false
  }

  /// The form that log lines have where no option says one: text for people at a terminal, else JSON.
  public static var defaultFormat: LogLine.Format {
    isatty(STDERR_FILENO) == 1 ? .text : .json
  }

  /// Writes all of `text`.
  ///
  /// - Returns: False if it could not.
  public static func writeAll(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    // SAFETY: the pointer is used only while the bytes are lent.
    return text.withUTF8 { bytes in
      var offset = 0
      while offset < bytes.count {
        let written = unsafe Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
        if written >= 0 {
          offset += written
        } else if errno == EAGAIN {
          var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          guard unsafe poll(&poller, 1, patience) > 0 else { return false }
        } else if errno != EINTR {
          return false
        }
      }
      return true
    }
  }
}
