// Stream+Reading.swift: from the socket to the handler.
//
// A fast peer's bytes go from the loop's buffer straight to the handler. A slow one's are copied behind what was kept.
// Either way one event is one read, since libuv reads again only where the buffer was filled.

import CUV

extension Stream {
  /// Stops the flow: no `received` or `ended` until `resumeReading`. While paused, a peer that went away is not
  /// noticed.
  public func pauseReading() {
    isPaused = true
    stopReading()
  }

  /// Lets bytes flow again after a pause; without one it does nothing. Bytes that were left are offered again at the
  /// end of this turn, not from inside this call.
  public func resumeReading() {
    if isPaused { offerAgain() }
  }

  /// Offers bytes that were left once more, at the end of this turn, not from inside this call; for a handler that can
  /// go on without new ones. Ends a pause, where there is one. Costs no system call where reading was not paused.
  public func offerAgain() {
    guard !isClosing else { return }
    isPaused = false
    guard !isQueuedForRedelivery else { return }
    isQueuedForRedelivery = true
    loop.redeliverAtTurnEnd(self)
  }

  /// Bytes that `received` left.
  public var keptInput: Int { input.count }

  /// The memory that `count` bytes take which `received` is about to leave.
  public func inputMemory(keeping count: Int) -> Int { input.capacity(for: count) }

  /// Drops what `received` left, and its memory. Inside `received`, what that returns says it, and this does nothing.
  public func discardInput() {
    if !isOffering { input.consume(input.count) }
  }

  /// The turn's end after `offerAgain`.
  func redeliver() {
    isQueuedForRedelivery = false
    guard !isClosing, !isPaused else { return }
    if !input.isEmpty { offerKept() }
    startReading()
  }

  func startReading() {
    guard !isReading, !isPaused, !isClosing, !hasEnded, !isConnecting else { return }
    isReading = true
    let result = unsafe uv_read_start(
      handle,
      { handle, _, buffer in
        guard
          let stream = unsafe Stream.of(
            UnsafeMutableRawPointer(handle)?.assumingMemoryBound(to: uv_stream_t.self))
        else { return }
        let room = min(Bounds.readBuffer, stream.maximumInput - stream.input.count)
        let memory = unsafe stream.loop.readBuffer.assumingMemoryBound(to: CChar.self)
        unsafe buffer?.pointee = uv_buf_t(base: memory, len: room)
      },
      { handle, result, _ in
        guard let stream = unsafe Stream.of(handle) else { return }
        if result > 0 {
          stream.didRead(result)
        } else if result < 0 {
          stream.didStop(UVError(code: Int32(truncatingIfNeeded: result)))
        }
      })
    if result != 0 { fail(UVError(code: result)) }
  }

  private func stopReading() {
    guard isReading else { return }
    isReading = false
    unsafe uv_read_stop(handle)
  }

  /// `count` new bytes lie in the loop's buffer.
  private func didRead(_ count: Int) {
    let new = unsafe UnsafeRawPointer(loop.readBuffer)
    guard input.isEmpty else {
      unsafe input.append(new, count)
      return offerKept()
    }
    let consumed = unsafe offer(new, count)
    guard consumed < count, !isClosing else { return }
    unsafe input.append(new + consumed, count - consumed)
    pauseIfFull()
  }

  private func offerKept() {
    guard let kept = unsafe input.bytes else { return }
    let consumed = unsafe offer(kept, input.count)
    guard !isClosing else { return }
    input.consume(consumed)
    pauseIfFull()
  }

  /// Nothing that the handler can call changes the memory meanwhile: bytes are added and consumed only here, and the
  /// memory of a stream that is being closed is freed later.
  private func offer(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    guard let handler else { return count }
    let buffer = unsafe UnsafeBufferPointer(start: bytes.assumingMemoryBound(to: UInt8.self), count: count)
    isOffering = true
    let consumed = unsafe handler.received(self, bytes: buffer.span)
    isOffering = false
    precondition(consumed >= 0 && consumed <= count, "a handler consumes between none and all of what it was given")
    return consumed
  }

  private func pauseIfFull() {
    if input.count >= maximumInput { pauseReading() }
  }

  private func didStop(_ error: UVError) {
    isReading = false
    guard error == .endOfFile else { return fail(error) }
    hasEnded = true
    handler?.ended(self)
  }
}
