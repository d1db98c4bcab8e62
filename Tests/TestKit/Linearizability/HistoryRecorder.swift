// HistoryRecorder.swift: notes calls and answers of several threads.

import Glibc
import Synchronization

/// Calls of several threads. A call is noted when it is over, so that noting it delays no other one's answer.
public final class HistoryRecorder<Input: Hashable & Sendable, Output: Hashable & Sendable>: Sendable {
  public typealias Call = Operation<Input, Output>

  private let calls = Mutex<[Call]>([])

  public init() {}

  public var history: [Call] { calls.withLock { $0 } }

  /// Makes a call and notes it.
  ///
  /// - Parameter body: Its answer; nil where there was none that says anything.
  public func record(_ input: Input, _ body: () throws -> Output?) rethrows {
    let invoked = monotonicNanoseconds()
    let output = try body()
    let answered = monotonicNanoseconds()
    let call = output.map { Call(invoked, answered, input, $0) } ?? Call(unanswered: invoked, input)
    calls.withLock { $0.append(call) }
  }

  public func add(_ more: [Call]) { calls.withLock { $0 += more } }
}

/// A clock that never steps, the same for all threads.
public func monotonicNanoseconds() -> Int64 {
  var now = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &now)
  return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}
