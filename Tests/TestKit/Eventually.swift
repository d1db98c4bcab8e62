// Eventually.swift: waiting for something that another process does, and doing things from several threads at once.

import Foundation
import Synchronization

/// A condition that did not come true in time.
public struct NeverHappened: Error, CustomStringConvertible {
  public var description: String

  public init(description: String) { self.description = description }
}

/// Asks `condition` again and again until it holds.
///
/// - Parameters:
///   - seconds: When to give up. Generous by default: a loaded machine is slow, not wrong.
///   - what: What was waited for, as the failure says it.
/// - Throws: `NeverHappened` after `seconds`; whatever `condition` throws, at once.
public func eventually(
  _ what: String, within seconds: Double = 20, _ condition: () throws -> Bool
) throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while try !condition() {
    guard ContinuousClock.now < deadline else {
      throw NeverHappened(description: "not within \(seconds) s: \(what)")
    }
    Thread.sleep(forTimeInterval: 0.01)
  }
}

/// Lets real time pass. Only for rules that are about time.
public func pause(seconds: Double) {
  Thread.sleep(forTimeInterval: seconds)
}

/// Runs the body of a test that waits for long on a thread of its own. Tests share as many threads as there are cores:
/// one that only waits would hold up all others, and one that slept without a thread would be resumed behind them.
public func aside(_ body: () throws -> Void) async throws {
  try await withTaskExecutorPreference(ThreadPerJob()) { try body() }
}

private final class ThreadPerJob: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // SAFETY: the closure keeps the executor for as long as the job runs on it.
    Thread.detachNewThread { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Runs `body` with 0 ..< `count` at once, each on a thread of its own, and returns when all have returned.
///
/// - Throws: The first error that a thread threw.
public func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  let failure = Failure()
  let group = DispatchGroup()
  for index in 0..<count {
    group.enter()
    Thread.detachNewThread {
      do { try body(index) } catch { failure.record(error) }
      group.leave()
    }
  }
  group.wait()
  if let first = failure.first { throw first }
}

/// The first error of several threads.
private final class Failure: Sendable {
  private let error = Mutex<(any Error)?>(nil)

  func record(_ new: any Error) { error.withLock { $0 = $0 ?? new } }
  var first: (any Error)? { error.withLock { $0 } }
}

/// A thread that repeats something until it is told to stop: load for a test that changes things meanwhile.
public final class Background: Sendable {
  private let isStopping = Atomic(false)
  private let failure = Failure()
  private let group = DispatchGroup()

  /// Starts `threads` threads; each calls `body` with its number until `stop`, or until it throws.
  public init(threads: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
    for index in 0..<threads {
      group.enter()
      Thread.detachNewThread { [self] in
        defer { group.leave() }
        do {
          while !isStopping.load(ordering: .relaxed) { try body(index) }
        } catch { failure.record(error) }
      }
    }
  }

  /// Waits until every thread has finished its call.
  ///
  /// - Throws: The first error that `body` threw.
  public func stop() throws {
    isStopping.store(true, ordering: .relaxed)
    group.wait()
    if let first = failure.first { throw first }
  }
}
