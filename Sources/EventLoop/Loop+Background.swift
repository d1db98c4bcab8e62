// Loop+Background.swift: work that would block a loop, on libuv's thread pool (uv_queue_work).
//
// Also the way to resolve a name without waiting for it: parse a `SocketAddress` in the background.

import CUV
import Synchronization

extension Loop {
  /// Runs `work` on another thread, then `then` with its result on the loop's.
  ///
  /// `then` is called exactly once, also while the loop closes: `close` waits for work that has begun or is queued.
  /// A loop keeps running until its background work is done. The pool has four threads for the whole process.
  public func background<Result: Sendable>(
    _ work: @escaping @Sendable () -> Result, then: @escaping (Result) -> Void
  ) {
    let result = ResultBox<Result>()
    let job = BackgroundJob(
      work: { result.value.withLock { $0 = work() } },
      then: {
        guard let value = result.value.withLock({ $0.take() }) else { preconditionFailure("work ends before `then`") }
        then(value)
      })
    let request = unsafe allocateZeroed(uv_work_t.self)
    unsafe request.pointee.data = Unmanaged.passRetained(job).toOpaque()
    let queued = unsafe uv_queue_work(
      uv, request,
      { request in
        guard let data = unsafe request?.pointee.data else { return }
        unsafe Unmanaged<BackgroundJob>.fromOpaque(data).takeUnretainedValue().work()
      },
      { request, _ in
        guard let request = unsafe request, let data = unsafe request.pointee.data else { return }
        let job = unsafe Unmanaged<BackgroundJob>.fromOpaque(data).takeRetainedValue()
        unsafe discardHandle(request)
        job.then()
      })
    precondition(queued == 0, "libuv refuses only work without a callback")
  }
}

/// What a worker thread leaves for the loop.
private final class ResultBox<Result: Sendable>: Sendable {
  let value = Mutex<Result?>(nil)
}

/// The two halves of a piece of work: one for the pool, one for the loop.
private final class BackgroundJob {
  let work: @Sendable () -> Void
  let then: () -> Void

  init(work: @escaping @Sendable () -> Void, then: @escaping () -> Void) {
    self.work = work
    self.then = then
  }
}
