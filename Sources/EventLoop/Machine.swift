// Machine.swift: what this process has and what it uses.

import CUV

/// Facts about this process and the machine under it. For any thread; each call asks the system anew.
public enum Machine {
  /// Processors that this process can keep busy: those it may run on, or fewer where its control groups grant less
  /// time (rounded up). At least 1.
  public static func usableCores() -> Int {
    let allowed = max(1, Int(clamping: uv_available_parallelism()))
    let granted = CPUQuota(read: Platform.text(ofFile:)).cores() ?? allowed
    return max(1, min(allowed, granted))
  }

  /// Raises the number of descriptors that this process may have to the hard limit.
  ///
  /// - Returns: The limit in force now.
  @discardableResult
  public static func raiseDescriptorLimit() -> Int { Platform.raiseDescriptorLimit() }

  /// Descriptors that this process may have now; nil where the system does not tell.
  public static func descriptorLimit() -> Int? { Platform.descriptorLimit() }

  public static var processID: Int { Int(uv_os_getpid()) }

  /// Bytes of memory in use that are not swapped out; 0 where the system does not tell.
  public static func residentBytes() -> Int {
    var bytes = 0
    return unsafe uv_resident_set_memory(&bytes) == 0 ? bytes : 0
  }

  /// Bytes of address space in use, whether anything is behind them or not; nil where the system does not tell.
  public static func virtualBytes() -> Int64? {
    Platform.text(ofFile: "/proc/self/stat").flatMap { field(23, of: $0, in: 0...(.max)) }
  }

  /// Processor time used so far by all threads, in user and kernel mode.
  public static func cpuSeconds() -> Double {
    var usage = uv_rusage_t()
    guard unsafe uv_getrusage(&usage) == 0 else { return 0 }
    func seconds(_ time: uv_timeval_t) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  /// Descriptors open now; nil where the system does not tell.
  public static func openDescriptors() -> Int? {
    // One of the entries is the directory that is being read.
    Platform.entryCount(ofDirectory: "/dev/fd").map { max(0, $0 - 1) }
  }

  /// When this process started: nanoseconds since the Unix epoch, to a hundredth of a second on Linux. Elsewhere, when
  /// somebody first asked.
  public static let startTime: Int64 = {
    guard let text = Platform.text(ofFile: "/proc/self/stat"), let ticks = startTicks(in: text) else {
      return UnixClock.nanoseconds()
    }
    let sinceBoot = ticks * (1_000_000_000 / Platform.ticksPerSecond)
    return UnixClock.nanoseconds() - Platform.clock(.sinceBoot) + sinceBoot
  }()

  /// Up to a hundred years of ticks: far beyond any machine, far below an overflow.
  static func startTicks(in text: String) -> Int64? { field(22, of: text, in: 0...315_360_000_000) }

  /// A field of `/proc/self/stat`, from 3 on. The second is the program's name in parentheses, which may hold anything.
  private static func field(_ number: Int, of text: String, in range: ClosedRange<Int64>) -> Int64? {
    guard let name = text.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = text[text.utf8.index(after: name)...].split(separator: " ")
    guard fields.count > number - 3, let value = Int64(fields[number - 3]), range.contains(value) else { return nil }
    return value
  }
}
