// ChildProcess.swift: another program, its output collected, ended at the latest when its owner is.

import Foundation
public import Glibc
import Synchronization

/// A running child. Thread-safe.
public final class ChildProcess: Sendable {
  /// How it ended.
  public enum Status: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  public let pid: pid_t
  private let output: Collector
  private let diagnostics: Collector
  private let ending = Ending()

  /// Starts `command[0]` (a path, or a name to look up in PATH) with the rest as its arguments and no standard input.
  ///
  /// - Parameters:
  ///   - environment: Added to this process's own, without its `WEIR_…` variables.
  ///   - directory: Where it starts; nil for here.
  public init(_ command: [String], environment: [String: String] = [:], directory: String? = nil) throws {
    var merged = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("WEIR_") }
    merged.merge(environment) { $1 }
    // Libraries stand in front of libraries: a sanitizer's of `scripts/test`, then a test's.
    if let own = ProcessInfo.processInfo.environment["LD_PRELOAD"], let given = environment["LD_PRELOAD"] {
      merged["LD_PRELOAD"] = own + ":" + given
    }
    // What tests leave behind says nothing of weir: only its own leaks are looked for, where it ends by itself.
    merged["ASAN_OPTIONS"] = merged["ASAN_OPTIONS"]?.replacing("detect_leaks=0", with: "detect_leaks=1")
    var command = command
    if let directory { command = ["/usr/bin/env", "--chdir=\(directory)"] + command }

    let variables = merged.map { "\($0.key)=\($0.value)" }
    let started = try Self.spawning.withLock { _ in try Self.start(command, variables) }
    pid = started.pid
    output = Collector(descriptor: started.output)
    diagnostics = Collector(descriptor: started.errors)
    Self.reap(pid, ending)
  }

  /// Takes note of the end as soon as it comes, whoever still holds this: Swift Testing waits for the children of exit
  /// tests by asking for any child that has ended, and never sees them behind one of ours that nobody has asked about.
  private static func reap(_ pid: pid_t, _ ending: Ending) {
    Thread.detachNewThread {
      var info = unsafe siginfo_t()
      while unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      ending.status.withLock { status in
        var raw: Int32 = 0
        _ = unsafe waitpid(pid, &raw, 0)
        status = raw & 0x7f == 0 ? .exited((raw >> 8) & 0xff) : .killed(signal: raw & 0x7f)
      }
    }
  }

  /// How the child ended; nil while it runs.
  private final class Ending: Sendable {
    let status = Mutex<Status?>(nil)
  }

  /// Held from the making of a pipe to the end of the spawn: a child started meanwhile by another thread would inherit
  /// the pipe's writing end, and the reader would never see its end.
  private static let spawning = Mutex(())

  deinit {
    signal(SIGKILL)
    _ = try? wait(within: 10)
  }

  /// What it has written to standard output so far.
  public var standardOutput: String { output.text }
  /// What it has written to standard error so far.
  public var standardError: String { diagnostics.text }

  /// The complete lines of standard error so far.
  public var errorLines: [String] {
    let lines = standardError.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.dropLast().map(String.init)
  }

  /// Sends a signal, unless it has ended.
  public func signal(_ number: Int32) {
    ending.status.withLock { if $0 == nil { _ = kill(pid, number) } }
  }

  /// How it ended, or nil while it runs.
  public func poll() -> Status? { ending.status.withLock { $0 } }

  /// Waits for its end, and for the end of its output.
  ///
  /// - Throws: `NeverHappened` with what it wrote, after `seconds`.
  @discardableResult
  public func wait(within seconds: Double = 30) throws -> Status {
    do {
      try eventually("process \(pid) ends", within: seconds) { poll() != nil }
    } catch {
      throw NeverHappened(description: "process \(pid) runs on after \(seconds) s; it wrote:\n\(standardError)")
    }
    // A grandchild may hold the pipe open for longer than the child lives: the wait for the rest is bounded.
    try? eventually("output ends", within: 2) { output.hasEnded && diagnostics.hasEnded }
    return poll() ?? .exited(-1)
  }

  /// Both ends close on exec.
  private static func makePipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw SystemFailure("pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func start(
    _ command: [String], _ variables: [String]
  ) throws -> (pid: pid_t, output: Int32, errors: Int32) {
    let (outputRead, outputWrite) = try makePipe()
    let (errorRead, errorWrite) = try makePipe()
    defer {
      close(outputWrite)
      close(errorWrite)
    }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, outputWrite, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, errorWrite, 2)
    do {
      return (try unsafe spawn(command, variables, &actions), outputRead, errorRead)
    } catch {
      close(outputRead)
      close(errorRead)
      throw error
    }
  }

  private static func spawn(
    _ command: [String], _ environment: [String], _ actions: inout posix_spawn_file_actions_t
  ) throws -> pid_t {
    // The child starts with every signal at its default and none blocked, whatever the test runner did with its own.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    var none = sigset_t()
    unsafe sigfillset(&all)
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    let variables = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer {
      for index in unsafe arguments.indices { unsafe free(arguments[index]) }
      for index in unsafe variables.indices { unsafe free(variables[index]) }
    }
    var child: pid_t = 0
    let code = unsafe posix_spawnp(&child, command[0], &actions, &attributes, arguments, variables)
    guard code == 0 else {
      errno = code
      throw SystemFailure("start \(command.joined(separator: " "))")
    }
    return child
  }
}

/// Reads a pipe to its end on a thread of its own.
private final class Collector: Sendable {
  private let bytes = Mutex<[UInt8]>([])
  private let ended = Atomic(false)

  init(descriptor: Int32) {
    Thread.detachNewThread { [weak self] in
      var chunk = [UInt8](repeating: 0, count: 16_384)
      while true {
        let count = unsafe read(descriptor, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0, let self else { break }
        let piece = chunk[..<count]
        self.bytes.withLock { $0 += piece }
      }
      close(descriptor)
      self?.ended.store(true, ordering: .releasing)
    }
  }

  var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
  var hasEnded: Bool { ended.load(ordering: .acquiring) }
}
