// Thread.swift: a thread with a name and a stack of known size (uv_thread_create_ex).
//
// libuv 1.44 cannot name a thread, so the thread names itself through the platform.

import CUV

/// A running thread. Join it: its stack is given back only then.
public struct Thread: Sendable {
  private let id: ThreadID

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: Shown by `top -H` and debuggers; Linux keeps 15 bytes of it.
  ///   - stackSize: Bytes, rounded up to pages; 0 takes the platform's default (8 MiB on Linux). Only what is used
  ///     counts as memory.
  ///   - body: What the thread does; the thread ends with it.
  /// - Throws: When the process may not have another thread.
  public static func start(
    name: String, stackSize: Int = 0, body: @escaping @Sendable () -> Void
  ) throws(UVError) -> Thread {
    var options = uv_thread_options_t()
    if stackSize > 0 {
      options.flags = UV_THREAD_HAS_STACK_SIZE.rawValue
      options.stack_size = stackSize
    }
    let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var id = uv_thread_t()
    let result = unsafe uv_thread_create_ex(
      &id, &options,
      { argument in
        guard let argument = unsafe argument else { return }
        let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
        Platform.nameThisThread(start.name)
        start.body()
      }, start.toOpaque())
    guard result == 0 else {
      unsafe start.release()
      throw UVError(code: result)
    }
    return Thread(id: ThreadID(value: id))
  }

  /// Waits until the thread has ended. Once for each thread.
  public func join() {
    var value = id.value
    let result = unsafe uv_thread_join(&value)
    precondition(result == 0, "a thread is joined once, and not by itself")
  }
}

/// SAFETY: a thread's number (a pointer on some platforms) is only handed back to the platform, never followed.
@safe private struct ThreadID: @unchecked Sendable {
  let value: uv_thread_t
}

private final class ThreadStart: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}
