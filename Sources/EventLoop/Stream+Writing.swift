// Stream+Writing.swift: from the handler to the socket.
//
// Bytes go to the kernel at once if nothing waits before them: one system call, nothing copied. What the kernel does
// not take is copied and sent by libuv when the socket has room; what is written meanwhile is collected behind it and
// follows in one piece.

import CUV

extension Stream {
  /// Bytes that the system has not taken yet.
  public var pendingOutput: Int {
    unsafe inFlight == nil ? 0 : uv_stream_get_write_queue_size(handle) + output.count
  }

  /// Sends `bytes`, all of them or none: they are copied if they cannot be sent at once.
  ///
  /// Where output already waits, a write that would bring it above `maximumOutput` is refused. Where none waits any
  /// write is taken, so that one long answer can be sent; what waits is therefore never more than the larger of
  /// `maximumOutput` and one write.
  ///
  /// - Returns: False where nothing was taken: output is full (go on at `drained`), or the stream was closed, shut
  ///   down or is found broken by this write (`closed` follows).
  public func write(_ bytes: Span<UInt8>) -> Bool {
    guard !isClosing, !isShutDown else { return false }
    guard bytes.count > 0 else { return true }
    return unsafe bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return true }
      guard unsafe inFlight == nil else { return unsafe enqueue(start, bytes.count) }
      let sent = unsafe tryWrite(start, bytes.count)
      guard sent < bytes.count else { return true }
      guard sent >= 0 else { return false }
      return unsafe send(start + sent, bytes.count - sent)
    }
  }

  /// Says that no more will be written: the peer is told after what waits has been sent. Reading goes on. May be called
  /// twice.
  public func shutdown() {
    guard !isClosing, !isShutDown else { return }
    isShutDown = true
    tellEndIfDue()
  }

  private func enqueue(_ bytes: UnsafeRawPointer, _ count: Int) -> Bool {
    guard pendingOutput + count <= maximumOutput else { return false }
    unsafe output.append(bytes, count)
    return true
  }

  /// How many bytes the kernel took just now; below zero the stream has failed.
  private func tryWrite(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    // An accepted stream is a socket, and `send` finds it without the file layer that libuv's `write` goes through.
    if descriptor >= 0 {
      switch unsafe Platform.sendBytes(bytes, count, to: descriptor) {
      case .success(let sent): return sent
      case .failure(let error):
        fail(error)
        return -1
      }
    }
    // libuv takes the length as an unsigned int in places: a gigabyte is far more than a socket takes at once.
    let length = min(count, 1 << 30)
    var buffer = unsafe uv_buf_t(
      base: UnsafeMutableRawPointer(mutating: bytes).assumingMemoryBound(to: CChar.self), len: length)
    let result = unsafe uv_try_write(handle, &buffer, 1)
    if result == UV_EAGAIN.rawValue { return 0 }
    if result < 0 { fail(UVError(code: result)) }
    return Int(result)
  }

  /// Copies `bytes` behind a request and leaves both to libuv.
  private func send(_ bytes: UnsafeRawPointer, _ count: Int) -> Bool {
    let header = unsafe MemoryLayout<uv_write_t>.stride
    let memory = unsafe UnsafeMutableRawPointer.allocate(
      byteCount: header + count, alignment: MemoryLayout<uv_write_t>.alignment)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: header)
    unsafe (memory + header).copyMemory(from: bytes, byteCount: count)
    let request = unsafe memory.assumingMemoryBound(to: uv_write_t.self)
    var buffer = unsafe uv_buf_t(base: (memory + header).assumingMemoryBound(to: CChar.self), len: count)
    let result = unsafe uv_write(request, handle, &buffer, 1) { request, status in
      guard let request = unsafe request else { return }
      let stream = unsafe Stream.of(request.pointee.handle)
      unsafe discardHandle(request)
      stream?.didWrite(status)
    }
    guard result == 0 else {
      unsafe memory.deallocate()
      fail(UVError(code: result))
      return false
    }
    unsafe inFlight = request
    return true
  }

  /// A request is done, or was given up because the stream is closing.
  private func didWrite(_ status: Int32) {
    unsafe inFlight = nil
    guard !isClosing else { return }
    guard status == 0 else { return fail(UVError(code: status)) }
    if let next = unsafe output.bytes {
      _ = unsafe send(next, output.count)
      output.consume(output.count)
      return
    }
    handler?.drained(self)
    tellEndIfDue()
  }

  /// Tells the peer once, when it was asked for and nothing is to be sent before it.
  func tellEndIfDue() {
    guard isShutDown, !isEndTold, !isClosing, !isConnecting, unsafe inFlight == nil else { return }
    isEndTold = true
    let request = unsafe allocateZeroed(uv_shutdown_t.self)
    let result = unsafe uv_shutdown(request, handle) { request, status in
      guard let request = unsafe request else { return }
      let stream = unsafe Stream.of(request.pointee.handle)
      unsafe discardHandle(request)
      if status < 0, status != UV_ECANCELED.rawValue { stream?.fail(UVError(code: status)) }
    }
    guard result != 0 else { return }
    unsafe discardHandle(request)
    fail(UVError(code: result))
  }
}
