// Loop.swift: one event loop (libuv's uv_loop_t), for one thread.
//
// A turn is everything between two waits: the events of one poll, the handles closed after it, and the timers due.
// A prepare handle, which libuv runs right before it waits, ends the turn: streams that were resumed get the bytes kept
// for them, then those who asked by `callAtTurnEnd` are called, then the turn's clock is forgotten.
//
// All streams of a loop read into one buffer, so that an idle stream holds none.
// Left out: running a loop inside a callback of itself, and moving a loop to another thread.

import CUV

/// An event loop. Everything made with it is used only on the thread that calls `run`.
///
/// A loop lives at least as long as anything that was made with it and is still open.
@safe public final class Loop {
  let uv: UnsafeMutablePointer<uv_loop_t>
  /// Where every stream of this loop reads to. Its bytes are worth something only until the read callback returns.
  let readBuffer: UnsafeMutableRawPointer
  /// Ends the turn, right before the loop waits.
  private let prepare: UnsafeMutablePointer<uv_prepare_t>
  /// Active only while something is left to do in the next turn: keeps the loop from waiting.
  private let idle: UnsafeMutablePointer<uv_idle_t>
  private var isIdleActive = false
  private var isRunning = false
  private var isStopped = false
  private var isClosed = false
  /// `now`, or 0 until somebody asks.
  private var turnNow: Int64 = 0
  private var turnEndHandlers: [any TurnEndHandler] = []
  private var turnEndBatch: [any TurnEndHandler] = []
  private var resumedStreams: [Stream] = []
  private var resumedBatch: [Stream] = []

  /// Whether `close` has begun: handlers called from now on should open nothing.
  public private(set) var isClosing = false

  /// A loop without anything to do. Ignores SIGPIPE for the whole process: a peer that went away is an error of the
  /// write, not the end of everyone.
  ///
  /// - Throws: When the process has no descriptors left for it.
  public init() throws(UVError) {
    Platform.ignoreBrokenPipes()
    unsafe uv = allocateZeroed(uv_loop_t.self)
    unsafe prepare = allocateZeroed(uv_prepare_t.self)
    unsafe idle = allocateZeroed(uv_idle_t.self)
    unsafe readBuffer = UnsafeMutableRawPointer.allocate(byteCount: Bounds.readBuffer, alignment: 16)
    let result = unsafe uv_loop_init(uv)
    guard result == 0 else {
      isClosed = true
      unsafe discardHandle(prepare)
      unsafe discardHandle(idle)
      throw UVError(code: result)
    }
    unsafe uv.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    // Neither call can fail: both only link the handle into the loop.
    unsafe uv_idle_init(uv, idle)
    unsafe uv_prepare_init(uv, prepare)
    unsafe uv_prepare_start(prepare) { handle in
      guard let uv = unsafe handle?.pointee.loop, let data = unsafe uv.pointee.data else { return }
      unsafe Unmanaged<Loop>.fromOpaque(data).takeUnretainedValue().endTurn()
    }
    unsafe uv_unref(base(prepare))
  }

  deinit {
    close()
    unsafe discardHandle(uv)
    unsafe readBuffer.deallocate()
  }

  /// Runs until `stop`, or until nothing is open that could call anybody.
  public func run() {
    precondition(!isRunning && !isClosed, "a loop runs once at a time, and not after it was closed")
    isRunning = true
    isStopped = false
    turnNow = 0
    repeat {
      unsafe uv_run(uv, UV_RUN_DEFAULT)
      endTurn()  // a loop that was stopped in mid-turn owes those who asked for its end
    } while unsafe !isStopped && uv_loop_alive(uv) != 0
    isRunning = false
  }

  /// Makes `run` return at the end of this turn. For the loop's own thread; others post to a `Mailbox`.
  public func stop() {
    isStopped = true
    unsafe uv_stop(uv)
  }

  /// Closes everything open on this loop, tells their handlers, and waits for work in the background. May be called
  /// twice, but not from inside a callback. Handlers that open something new while `isClosing` get it closed too.
  public func close() {
    precondition(!isRunning, "a loop is closed after it ran, not from inside")
    guard !isClosed else { return }
    isClosing = true
    unsafe uv_prepare_stop(prepare)
    setIdle(false)
    unsafe closeHandle(prepare)
    unsafe closeHandle(idle)
    repeat {
      unsafe uv_walk(
        uv,
        { handle, _ in
          guard let handle = unsafe handle, unsafe uv_is_closing(handle) == 0 else { return }
          (unsafe owner(of: handle, as: AnyObject.self) as? any HandleOwner)?.close()
        }, nil)
      unsafe uv_run(uv, UV_RUN_ONCE)
    } while unsafe uv_loop_close(uv) == UV_EBUSY.rawValue
    isClosed = true
    turnEndHandlers = []
    resumedStreams = []
  }

  /// Nanoseconds on a clock that never steps, read once a turn by the first who asks: all events of a turn share it.
  public var now: Int64 {
    if turnNow == 0 { turnNow = Self.monotonicNow() }
    return turnNow
  }

  /// Nanoseconds on the same clock, read now; becomes the turn's `now`.
  public func freshNow() -> Int64 {
    turnNow = Self.monotonicNow()
    return turnNow
  }

  /// The clock of `now`, for any thread.
  public static func monotonicNow() -> Int64 {
    Int64(truncatingIfNeeded: uv_hrtime())
  }

  /// Calls `handler` once at the end of this turn, however often it asks.
  public func callAtTurnEnd(_ handler: any TurnEndHandler) {
    // A few clients at most, so a scan is cheaper than a set.
    if !turnEndHandlers.contains(where: { $0 === handler }) { turnEndHandlers.append(handler) }
  }

  /// Gives `stream` its kept bytes at the end of this turn. The stream asks at most once a turn.
  func redeliverAtTurnEnd(_ stream: Stream) {
    resumedStreams.append(stream)
  }

  /// Both batches are swapped with an empty array that keeps its room, so that a turn allocates nothing.
  private func endTurn() {
    if !resumedStreams.isEmpty {
      swap(&resumedStreams, &resumedBatch)
      for stream in resumedBatch { stream.redeliver() }
      resumedBatch.removeAll(keepingCapacity: true)
    }
    if !turnEndHandlers.isEmpty {
      swap(&turnEndHandlers, &turnEndBatch)
      for handler in turnEndBatch { handler.turnEnded() }
      turnEndBatch.removeAll(keepingCapacity: true)
    }
    setIdle(!resumedStreams.isEmpty || !turnEndHandlers.isEmpty)
    turnNow = 0
  }

  private func setIdle(_ active: Bool) {
    guard active != isIdleActive else { return }
    isIdleActive = active
    if active {
      unsafe uv_idle_start(idle) { _ in }
    } else {
      unsafe uv_idle_stop(idle)
    }
  }
}
