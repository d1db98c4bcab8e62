// Listener.swift: accepts connections from a listening socket (uv_poll_t and accept4).
//
// libuv's own listener closes waiting connections unanswered when descriptors run out, or keeps calling; here the
// listener then pauses and tries again. Accepting by hand also brings the peer's address without another system call,
// and lets a drain take what waits before the socket closes.

import CUV

/// What a listener tells. A listener keeps its handler until it is closed.
public protocol ListenerHandler: AnyObject {
  /// Somebody connected. Set `stream.handler` here, or close the stream: one without a handler is closed. Reading
  /// begins after this returns.
  func accepted(_ listener: Listener, stream: Stream)

  /// A connection could not be accepted, for lack of descriptors or memory. The listener tries again after a pause.
  func acceptFailed(_ listener: Listener, error: UVError)
}

/// Accepts the connections of one socket on one loop while it is open.
@safe public final class Listener: HandleOwner {
  /// Where it listens.
  public let address: SocketAddress
  private let loop: Loop
  private let file: UnixSocketFile?
  private let descriptor: Int32
  private let maximumInput: Int
  private let maximumOutput: Int
  private var handler: (any ListenerHandler)?
  private var handle: UnsafeMutablePointer<uv_poll_t>?
  private var pause: Timer?

  /// Takes `socket`, which no other listener may have.
  ///
  /// - Parameters:
  ///   - maximumInput: Of each stream: bytes that its handler may leave before reading pauses.
  ///   - maximumOutput: Of each stream: bytes that may wait to be sent.
  /// - Throws: When the socket is closed or taken (`EBADF`), or the loop cannot watch another descriptor.
  public init(
    loop: Loop, socket: ListeningSocket, maximumInput: Int, maximumOutput: Int, handler: any ListenerHandler
  ) throws(UVError) {
    guard let descriptor = socket.take() else { throw UVError(code: UV_EBADF.rawValue) }
    self.loop = loop
    self.descriptor = descriptor
    self.maximumInput = maximumInput
    self.maximumOutput = maximumOutput
    self.handler = handler
    address = socket.boundAddress
    file = socket.file
    let poll = unsafe allocateZeroed(uv_poll_t.self)
    let result = unsafe uv_poll_init(loop.uv, poll, descriptor)
    guard result == 0 else {
      unsafe discardHandle(poll)
      file?.withdraw()
      Platform.closeDescriptor(descriptor)
      throw UVError(code: result)
    }
    unsafe attach(poll, to: self)
    unsafe handle = poll
    startPolling()
  }

  /// Accepts at once whatever waits to be accepted, for a listener that is about to close. A Unix socket loses its name
  /// first, so that nobody can come in between.
  ///
  /// - Returns: How many connections were accepted.
  @discardableResult
  public func acceptBacklog() -> Int {
    file?.withdraw()
    return accept(atMost: Int(Bounds.backlog))
  }

  /// Stops listening. What still waits to be accepted is refused. May be called twice and from the handler.
  public func close() {
    guard let poll = unsafe handle else { return }
    unsafe handle = nil
    handler = nil
    pause?.close()
    pause = nil
    unsafe uv_poll_stop(poll)
    file?.withdraw()
    Platform.closeDescriptor(descriptor)  // libuv allows it as soon as the poll has stopped
    unsafe closeHandle(poll)
  }

  func handleClosed() {}

  private func startPolling() {
    guard let poll = unsafe handle else { return }
    unsafe uv_poll_start(poll, Int32(UV_READABLE.rawValue)) { handle, _, _ in
      guard let handle = unsafe handle, let listener = unsafe owner(of: handle, as: Listener.self) else { return }
      listener.accept(atMost: Bounds.acceptsPerTurn)
    }
  }

  /// Takes connections until none waits, `count` are taken, one fails, or the handler closes the listener.
  @discardableResult
  private func accept(atMost count: Int) -> Int {
    var accepted = 0
    for _ in 0..<count {
      guard unsafe handle != nil else { break }
      switch Platform.acceptConnection(descriptor) {
      case .connection(let descriptor, let peer):
        accepted += 1
        begin(descriptor, peer)
      case .skipped:
        continue
      case .none:
        return accepted
      case .failed(let error):
        rest()
        handler?.acceptFailed(self, error: error)
        return accepted
      }
    }
    return accepted
  }

  private func begin(_ descriptor: Int32, _ peer: PeerAddress) {
    do throws(UVError) {
      let stream = try Stream(
        loop: loop, accepted: descriptor, peer: peer, maximumInput: maximumInput, maximumOutput: maximumOutput)
      handler?.accepted(self, stream: stream)
      if stream.handler == nil { stream.close() }
      stream.startReading()
    } catch {
      handler?.acceptFailed(self, error: error)
    }
  }

  /// Stops asking for a while: the connection that failed still waits, so the poll would call again at once.
  private func rest() {
    guard let poll = unsafe handle else { return }
    unsafe uv_poll_stop(poll)
    let timer = pause ?? Timer(loop: loop) { [unowned self] _ in startPolling() }
    pause = timer
    timer.start(afterNanoseconds: Bounds.acceptPause)
  }
}
