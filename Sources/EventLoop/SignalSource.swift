// SignalSource.swift: signals as events of a loop (uv_signal_t): the handler runs between other events, not in the
// middle of one, and may do anything.
//
// Several signals of one kind that arrive before the loop gets to them count as one, as signals do.

import CUV

/// Waits for signals while it is open; they then no longer do what they do by default.
@safe public final class SignalSource: HandleOwner {
  private var handles: [UnsafeMutablePointer<uv_signal_t>] = unsafe []
  private var handler: ((Signal) -> Void)?

  /// Waits for `signals` on `loop`, until it is closed.
  ///
  /// - Throws: When the system does not let this process handle one of them; none is then waited for.
  public init(loop: Loop, signals: [Signal], handler: @escaping (Signal) -> Void) throws(UVError) {
    self.handler = handler
    do {
      for signal in signals { try add(signal, loop: loop) }
    } catch {
      close()
      throw error
    }
  }

  private func add(_ signal: Signal, loop: Loop) throws(UVError) {
    let handle = unsafe allocateZeroed(uv_signal_t.self)
    let result = unsafe uv_signal_init(loop.uv, handle)
    guard result == 0 else {
      unsafe discardHandle(handle)
      throw UVError(code: result)
    }
    unsafe attach(handle, to: self)
    unsafe handles.append(handle)
    try check(
      unsafe uv_signal_start(
        handle,
        { handle, number in
          guard let handle = unsafe handle, let signal = Signal(number: number) else { return }
          unsafe owner(of: handle, as: SignalSource.self)?.handler?(signal)
        }, signal.number))
  }

  /// Stops waiting: the signals do again what they did before. May be called twice and from the handler.
  public func close() {
    handler = nil
    while let handle = unsafe handles.popLast() { unsafe closeHandle(handle) }
  }

  func handleClosed() {}
}
