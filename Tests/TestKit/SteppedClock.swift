// SteppedClock.swift: the wall clock of another process, to be set by a test while that process runs.
//
// A library of a few lines, compiled when it is needed and loaded before the process's own, adds an offset to what
// gettimeofday and clock_gettime say of the wall clock. (Debian's faketime does more, hangs in a redis-server that
// brings its own malloc, and leaves a semaphore named by its process's number behind in each one that is killed: the next
// with that number does not start.)

import Foundation

/// For one process, given to it as its environment. Right until it is set.
public final class SteppedClock: Sendable {
  /// What the process needs at its start.
  public let environment: [String: String]
  private let directory: TemporaryDirectory

  private static let source = """
    #include <fcntl.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #include <sys/time.h>
    #include <time.h>
    #include <unistd.h>

    static volatile long *offset;

    __attribute__((constructor)) static void map(void) {
      int file = open(getenv("CLOCK_OFFSET"), O_RDONLY);
      void *place = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
      if (place == MAP_FAILED) abort();
      close(file);
      offset = place;
    }

    int gettimeofday(struct timeval *time, void *zone) {
      struct timespec now;
      syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
      time->tv_sec = now.tv_sec + (offset ? *offset : 0);
      time->tv_usec = now.tv_nsec / 1000;
      return 0;
    }

    int clock_gettime(clockid_t clock, struct timespec *time) {
      int result = syscall(SYS_clock_gettime, clock, time);
      if (result == 0 && clock == CLOCK_REALTIME && offset) time->tv_sec += *offset;
      return result;
    }

    """

  /// - Throws: Where there is no C compiler.
  public init() throws {
    directory = try TemporaryDirectory()
    try directory.write("clock.c", Self.source)
    let library = directory.file("clock.so")
    let compiler = try ChildProcess(["cc", "-O1", "-shared", "-fPIC", "-o", library, directory.file("clock.c")])
    guard try compiler.wait(within: 60) == .exited(0) else {
      throw WeirProcess.StartFailure(description: "cc: \(compiler.standardError)")
    }
    environment = ["LD_PRELOAD": library, "CLOCK_OFFSET": directory.file("offset")]
    try directory.write("offset", "")
    try set(seconds: 0)
  }

  /// From now on the clock is `seconds` ahead of the truth, or behind it.
  public func set(seconds: Int) throws {
    // In place: the process looks at this very file.
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file("offset")))
    defer { try? file.close() }
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: Int64(seconds) >> (8 * $0)) }
    try file.write(contentsOf: Data(bytes))
  }
}
