// Stream.swift: one connection, TCP or Unix (uv_tcp_t, uv_pipe_t): who it is with and how it ends. Reading, writing and
// connecting are in files of their own.
//
// An idle stream is this object, its libuv handle and its handler: it holds no buffer. Bytes are read into a buffer
// that all streams of the loop share and offered from there; only what the handler leaves, or the kernel does not take,
// is copied into memory of the stream's own, which is bounded and freed when it is empty.
//
// `close` only begins: libuv calls back later in the same turn, and from there the handler gets its last call and
// the memory is freed. Until then the handle keeps the stream alive (see Handle.swift).

import CUV

/// A connection on one loop. It stays open, and alive, until `close` is called or it fails.
@safe public final class Stream: HandleOwner {
  /// Where it lives.
  public let loop: Loop
  /// The address of the other end, as it was when the connection was made.
  public let peer: PeerAddress
  /// Bytes that `received` may leave before reading pauses.
  public let maximumInput: Int
  /// Bytes that may wait to be sent; see `write`.
  public let maximumOutput: Int
  /// Gets the events. Set it before the accept handler returns; it may be changed at any time before `closed`.
  public var handler: (any StreamHandler)?

  /// Valid until the close callback; `isClosing` says whether it may still be used.
  let handle: UnsafeMutablePointer<uv_stream_t>
  /// The accepted descriptor, for as long as `handle` has it; -1 for a stream that connects.
  private(set) var descriptor: Int32 = -1
  /// Whether `close` has begun, called or because the connection failed.
  public internal(set) var isClosing = false
  var closeError: UVError?

  // Reading.
  var input = KeptBytes()
  var isPaused = false
  var isReading = false
  /// While the handler looks at what came: the memory it lies in must stay.
  var isOffering = false
  var isQueuedForRedelivery = false
  /// Whether the peer has said that it will send no more.
  public internal(set) var hasEnded = false

  // Writing.
  /// What libuv is sending: a request with its bytes behind it. Nil where nothing waits.
  var inFlight: UnsafeMutablePointer<uv_write_t>?
  /// What is to be sent after it.
  var output = KeptBytes()
  /// Whether `shutdown` was called.
  var isShutDown = false
  /// Whether libuv knows.
  var isEndTold = false

  /// Set while `connect` is under way.
  var connectTimer: Timer?
  var isConnecting: Bool { connectTimer != nil }

  /// A stream without a descriptor.
  init(loop: Loop, peer: PeerAddress, maximumInput: Int, maximumOutput: Int) {
    precondition(maximumInput > 0 && maximumOutput >= 0, "a stream has to be able to read")
    self.loop = loop
    self.peer = peer
    self.maximumInput = maximumInput
    self.maximumOutput = maximumOutput
    // Neither call can fail: without a family, both only link the handle into the loop.
    if peer == .unix {
      let pipe = unsafe allocateZeroed(uv_pipe_t.self)
      unsafe uv_pipe_init(loop.uv, pipe, 0)
      unsafe handle = UnsafeMutableRawPointer(pipe).assumingMemoryBound(to: uv_stream_t.self)
    } else {
      let tcp = unsafe allocateZeroed(uv_tcp_t.self)
      unsafe uv_tcp_init(loop.uv, tcp)
      unsafe handle = UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_stream_t.self)
    }
    unsafe attach(handle, to: self)
  }

  /// A stream over an accepted descriptor, which it takes.
  convenience init(
    loop: Loop, accepted descriptor: Int32, peer: PeerAddress, maximumInput: Int, maximumOutput: Int
  ) throws(UVError) {
    self.init(loop: loop, peer: peer, maximumInput: maximumInput, maximumOutput: maximumOutput)
    let result = unsafe peer == .unix ? uv_pipe_open(pipe, descriptor) : uv_tcp_open(tcp, descriptor)
    guard result == 0 else {
      Platform.closeDescriptor(descriptor)
      close()
      throw UVError(code: result)
    }
    self.descriptor = descriptor
    if peer != .unix { unsafe uv_tcp_nodelay(tcp, 1) }  // an answer is one write: waiting for more only delays it
  }

  var pipe: UnsafeMutablePointer<uv_pipe_t> {
    unsafe UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_pipe_t.self)
  }

  var tcp: UnsafeMutablePointer<uv_tcp_t> {
    unsafe UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_tcp_t.self)
  }

  /// The stream that a libuv callback is about.
  static func of(_ handle: UnsafeMutablePointer<uv_stream_t>?) -> Stream? {
    guard let data = unsafe handle?.pointee.data else { return nil }
    return unsafe Unmanaged<Stream>.fromOpaque(data).takeUnretainedValue()
  }

  /// Ends the connection at once; what waits to be sent is dropped. `closed` follows later in this turn. May be called
  /// twice and from inside any handler.
  public func close() {
    guard !isClosing else { return }
    isClosing = true
    connectTimer?.close()
    connectTimer = nil
    unsafe closeHandle(handle)
  }

  /// Closes because of `error`, unless it is closing for another reason already.
  func fail(_ error: UVError) {
    guard !isClosing else { return }
    closeError = error
    close()
  }

  /// libuv has called back every request by now, so nothing points into the buffers any more.
  func handleClosed() {
    input = KeptBytes()
    output = KeptBytes()
    let last = handler
    handler = nil
    last?.closed(self, error: closeError)
  }
}
