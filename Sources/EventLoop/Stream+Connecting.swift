// Stream+Connecting.swift: streams that we open ourselves.

import CUV

extension Stream {
  /// Connects to `address`. Whatever goes wrong is told to `handler` by `closed`, later; what is written before
  /// `connected` is sent after it.
  ///
  /// - Parameters:
  ///   - timeout: Nanoseconds until the attempt is given up with `UVError.timedOut`.
  ///   - maximumInput: See `received`.
  ///   - maximumOutput: See `write`.
  public static func connect(
    loop: Loop, to address: SocketAddress, timeoutNanoseconds timeout: Int64, maximumInput: Int, maximumOutput: Int,
    handler: any StreamHandler
  ) -> Stream {
    let stream = Stream(
      loop: loop, peer: address.peer, maximumInput: maximumInput, maximumOutput: maximumOutput)
    stream.handler = handler
    let timer = Timer(loop: loop) { [unowned stream] _ in stream.fail(.timedOut) }
    timer.start(afterNanoseconds: timeout)
    stream.connectTimer = timer
    let result = stream.beginConnecting(to: address)
    if result != 0 { stream.fail(UVError(code: result)) }
    return stream
  }

  private func beginConnecting(to address: SocketAddress) -> Int32 {
    let request = unsafe allocateZeroed(uv_connect_t.self)
    let done: uv_connect_cb = { request, status in
      guard let request = unsafe request else { return }
      let stream = unsafe Stream.of(request.pointee.handle)
      unsafe discardHandle(request)
      stream?.didConnect(status)
    }
    if case .unix(let path) = address {
      unsafe uv_pipe_connect(request, pipe, path, done)  // reports every failure through the callback
      return 0
    }
    unsafe uv_tcp_nodelay(tcp, 1)
    let result = unsafe Platform.withAddress(address) { form, _ in unsafe uv_tcp_connect(request, tcp, form, done) }
    if result != 0 { unsafe discardHandle(request) }
    return result
  }

  private func didConnect(_ status: Int32) {
    connectTimer?.close()
    connectTimer = nil
    guard !isClosing else { return }
    guard status == 0 else { return fail(UVError(code: status)) }
    handler?.connected(self)
    startReading()
    tellEndIfDue()
  }
}
