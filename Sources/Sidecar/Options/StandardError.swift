// StandardError.swift: where log lines and last words go.
//
// A log line never waits for its reader: what a pipe, a terminal or a socket does not take at once waits in a LineQueue,
// and the main thread tries it again. Only a regular file can make a line wait, for its disk. What a command says, and
// why a start failed, is written in full, however long that takes. One lock around all of it keeps lines apart.

import EventLoop
import Glibc
import Synchronization
public import Telemetry

/// The process's standard error, as a sink for log lines.
public enum StandardError {
  private static let queue = Mutex(LineQueue())
  /// Milliseconds that a command's words wait for a reader that lets its pipe run full and does not block us itself.
  private static let patience: Int32 = 100

  /// Where lines go that must not wait. `poll` says that a terminal takes something and not how much, and that a pipe
  /// has room, which another process may fill first. So these two are opened once more, as a file of our own that does
  /// not block: to make the shared one so would change it for everybody who has it. Where that fails (a pipe of another
  /// user, no /proc), `poll` must do.
  private static let descriptor: Int32 = {
    var facts = stat()
    guard unsafe fstat(STDERR_FILENO, &facts) == 0, facts.st_mode & S_IFMT == S_IFIFO || isatty(STDERR_FILENO) == 1
    else { return STDERR_FILENO }
    let own = unsafe open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    return own >= 0 ? own : STDERR_FILENO
  }()

  /// Writes one log line, which brings its own line feed, as soon as that waits for nobody.
  ///
  /// - Parameter format: Of a line that says how many were left out.
  static func log(_ line: String, _ format: LogLine.Format) {
    queue.withLock { $0.take(line, notice: { notice($0, format) }, write: writeSome) }
  }

  /// Writes one log line, which brings its own line feed, unless that would wait: for a reader, for lines before it, or
  /// for another thread's line. At most `Bounds.atomicLine` bytes: so much fits where `poll` sees room.
  ///
  /// - Returns: Whether it was written.
  static func writeAtOnce(_ line: String) -> Bool {
    guard line.utf8.count <= Bounds.atomicLine else { return false }
    return queue.withLockIfAvailable { $0.takeAtOnce(line, write: writeSome) } ?? false
  }

  /// Writes of the lines that wait what can be written now.
  static func retry(_ format: LogLine.Format) {
    queue.withLock { $0.retry(notice: { notice($0, format) }, write: writeSome) }
  }

  /// The same for the last time: waits for the reader for up to `Bounds.logEnd`.
  static func finish(_ format: LogLine.Format) {
    let end = Loop.monotonicNow() + Bounds.logEnd
    queue.withLock { queue in
      queue.retry(notice: { notice($0, format) }, write: writeSome)
      while queue.count > 0 {
        let (before, left) = (queue.count, end - Loop.monotonicNow())
        guard left > 0, isWritable(within: Int32(left / Bounds.millisecond) + 1) else { return }
        queue.retry(notice: { notice($0, format) }, write: writeSome)
        guard queue.count < before else { return }
      }
    }
  }

  /// Writes one line, which brings its own line feed, behind those that wait; waits itself. What cannot be written is
  /// dropped: there is nobody left to tell.
  public static func write(_ line: String) {
    queue.withLock { _ = writeAll($0.takeAll() + line.utf8, to: STDERR_FILENO) }
  }

  /// The form that log lines have where no option says one: text for people at a terminal, else JSON.
  public static var defaultFormat: LogLine.Format {
    isatty(STDERR_FILENO) == 1 ? .text : .json
  }

  /// Writes all of `text`.
  ///
  /// - Returns: False if it could not.
  public static func writeAll(_ text: String, to descriptor: Int32) -> Bool {
    writeAll(Array(text.utf8), to: descriptor)
  }

  private static func writeAll(_ text: [UInt8], to descriptor: Int32) -> Bool {
    // SAFETY: the pointer is used only while the bytes are lent.
    unsafe text.withUnsafeBytes { bytes in
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

  private static func notice(_ lines: UInt64, _ format: LogLine.Format) -> String {
    let lines = LogValue.integer(Int64(clamping: lines))
    return LogLine.make(format, at: UnixClock.nanoseconds(), .warning, "log lines left out", [("lines", lines)])
  }

  /// Writes what goes without waiting of at most `Bounds.atomicLine` bytes. What fails, for whatever reason, may go later.
  ///
  /// - Returns: How many bytes were written.
  private static func writeSome(_ bytes: Span<UInt8>) -> Int {
    guard isWritable(within: 0) else { return 0 }
    // SAFETY: the pointer is used only while the bytes are lent.
    return unsafe bytes.withUnsafeBytes { unsafe max(0, Glibc.write(descriptor, $0.baseAddress, $0.count)) }
  }

  private static func isWritable(within milliseconds: Int32) -> Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&poller, 1, milliseconds) == 1 && poller.revents & Int16(POLLOUT) != 0
  }
}
