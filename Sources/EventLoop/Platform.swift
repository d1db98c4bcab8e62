// Platform.swift: what this room asks of the operating system beside libuv. The only files of the room that name the C
// library or ask which platform it is are this one and its extensions.

import CUV

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// System calls as functions of Swift values.
enum Platform {
  /// The outcome of the last failed call. To be asked right after it, before anything else can fail.
  static var lastError: UVError { UVError(errno: errno) }

  enum Clock {
    /// Time of day.
    case wall
    /// Since the machine started, sleep included.
    case sinceBoot
  }

  /// Nanoseconds on `clock`.
  static func clock(_ clock: Clock) -> Int64 {
    var time = timespec()
    #if os(Linux)
      let id = clock == .wall ? CLOCK_REALTIME : CLOCK_BOOTTIME
    #else
      let id = clock == .wall ? CLOCK_REALTIME : CLOCK_MONOTONIC
    #endif
    unsafe clock_gettime(id, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Makes a write to a peer that went away fail with EPIPE. Child processes inherit it.
  static func ignoreBrokenPipes() {
    _ = signal(SIGPIPE, SIG_IGN)
  }

  /// Makes each of `signals` end the process with exit code 0, without any further code of it.
  static func endAtOnce(on signals: [Signal]) {
    for number in signals.map(\.number) { _ = signal(number) { _ in _exit(0) } }
  }

  static func ignore(_ signals: [Signal]) {
    for number in signals.map(\.number) { _ = signal(number, SIG_IGN) }
  }

  /// Makes the kernel collect the exit codes of child processes.
  static func forgetChildren() {
    _ = signal(SIGCHLD, SIG_IGN)
  }

  static func number(of signal: Signal) -> Int32 {
    switch signal {
    case .hangup: SIGHUP
    case .interrupt: SIGINT
    case .quit: SIGQUIT
    case .terminate: SIGTERM
    case .user1: SIGUSR1
    case .user2: SIGUSR2
    }
  }

  /// Names the calling thread; the platform's limit cuts the name, not the thread.
  static func nameThisThread(_ name: String) {
    // A name cut in the middle of a character is repaired here, so the cut is by whole characters.
    var short = name
    while short.utf8.count > Bounds.threadName { short.removeLast() }
    #if canImport(Darwin)
      unsafe pthread_setname_np(short)
    #else
      unsafe pthread_setname_np(pthread_self(), short)
    #endif
  }

  /// Which file a path leads to.
  struct FileIdentity: Equatable, Sendable {
    let device: UInt64
    let number: UInt64
    let isSocket: Bool
  }

  /// Nil where there is no such file, or it cannot be reached.
  static func identity(ofFile path: String, followingLinks: Bool) -> FileIdentity? {
    var facts = stat()
    let result = unsafe followingLinks ? stat(path, &facts) : lstat(path, &facts)
    guard result == 0 else { return nil }
    return FileIdentity(
      device: UInt64(truncatingIfNeeded: facts.st_dev), number: UInt64(truncatingIfNeeded: facts.st_ino),
      isSocket: facts.st_mode & S_IFMT == S_IFSOCK)
  }

  /// The bytes of a small file such as those of `/proc`, as text; nil where it cannot be read. At most 64 KiB.
  static func text(ofFile path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while bytes.count < 65_536 {
      let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        unsafe count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
      }
      if chunk.isEmpty { break }
      bytes += chunk
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// How many entries a directory has, without `.` and `..`; nil where it cannot be read.
  static func entryCount(ofDirectory path: String) -> Int? {
    guard let directory = unsafe opendir(path) else { return nil }
    defer { unsafe closedir(directory) }
    var count = 0
    while let entry = unsafe readdir(directory) {
      // SAFETY: every entry has a name of at least one byte and its NUL.
      let first = unsafe entry.pointee.d_name.0
      let second = unsafe entry.pointee.d_name.1
      let third = unsafe entry.pointee.d_name.2
      let dot = CChar(bitPattern: UInt8(ascii: "."))
      if first == dot, second == 0 || (second == dot && third == 0) { continue }
      count += 1
    }
    return count
  }

  // Which limit of a process is that on its descriptors.
  #if canImport(Glibc)
    private static var descriptors: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
  #else
    private static var descriptors: Int32 { RLIMIT_NOFILE }
  #endif

  /// How many descriptors this process may have; nil where the system does not tell.
  static func descriptorLimit() -> Int? {
    var limit = rlimit()
    guard unsafe getrlimit(descriptors, &limit) == 0 else { return nil }
    return Int(clamping: limit.rlim_cur)
  }

  /// Lets this process have as many descriptors as it may.
  ///
  /// - Returns: The limit now in force.
  static func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(descriptors, &limit) == 0 else { return 256 }
    #if canImport(Darwin)
      let highest = min(limit.rlim_max, rlim_t(OPEN_MAX))  // Darwin refuses more, whatever the hard limit says
    #else
      let highest = limit.rlim_max
    #endif
    if limit.rlim_cur < highest {
      var raised = limit
      raised.rlim_cur = highest
      if unsafe setrlimit(descriptors, &raised) == 0 { limit = raised }
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// Clock ticks a second in `/proc`: 100 on every Linux that says so.
  static var ticksPerSecond: Int64 { Int64(max(100, sysconf(Int32(_SC_CLK_TCK)))) }

  /// Waits; for start-up only, never on a loop.
  static func sleep(milliseconds: UInt32) {
    usleep(milliseconds * 1000)
  }
}
