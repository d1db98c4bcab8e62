// Link.swift: the connection of one worker to Redis: kept up, made again, and given up while the breaker says so.
//
// An attempt goes through preparation (name, password, certificates: off the loop), connecting, TLS, and the greeting
// (Handshake.swift); each has its deadline. A name's addresses are tried in order; the attempt has failed when all have,
// and tells of the failure that came furthest. Between attempts there is a growing wait. While the breaker is not closed
// there are no attempts but trials, one at a time in the whole process.
//
// Where sentinels say which server is the master, each attempt goes to the one that they name; once they name another,
// the connection is given up for it.
//
// What happens to a connection is told to its handler from the loop, never from inside one of the calls below.
// Link+Attempt.swift is the way up, Link+Stream.swift what comes from the socket.

import EventLoop

/// Whoever uses a link. Called on the loop's thread, never from inside a call of the link.
protocol LinkHandler: AnyObject {
  /// The greeting is done: commands may be written.
  ///
  /// - Parameter trialReply: What the trial call was answered: no error.
  func linkReady(_ link: Link, trialReply: Reply)

  /// An attempt to connect has failed or was given up; another is made after a wait. Perhaps from inside `start`.
  func linkFailed(_ link: Link)

  /// The connection is gone: nothing of what was written since `linkReady` and is unanswered will be answered. Exactly
  /// once for each `linkReady`. The link tells the observer by itself; the loss is the handler's to count.
  func linkLost(_ link: Link, _ failure: RedisFailure)

  /// The next reply: one for each command written since `linkReady`, in order.
  func received(_ link: Link, _ reply: Reply)
}

extension LinkHandler {
  func linkFailed(_ link: Link) {}
}

/// A connection to one Redis, for one loop.
final class Link: StreamHandler {
  enum Phase {
    /// Not started, or stopped.
    case idle
    /// For the timer, which begins an attempt.
    case waiting
    case preparing
    case connecting
    case securing
    case greeting
    case ready
    /// Until the stream has closed; then `ending` says how to go on.
    case closing
  }

  /// What the end of a stream is the end of.
  enum Ending {
    /// Of one address; see `failureSoFar`.
    case address
    /// Of a connection that was ready.
    case loss(RedisFailure)
    /// Of an attempt that is not wanted any more.
    case nothing
  }

  /// Nanoseconds that the parts of an attempt may take.
  struct Deadlines {
    var preparation = Bounds.preparation
    var connect = Bounds.connect
    var greeting = Bounds.greeting
  }

  let loop: Loop
  /// Its place is that of the last attempt where `masters` say it.
  var target: RedisTarget
  /// What says where the target is; nil where it stays in its place.
  let masters: MasterDirectory?
  /// The generation of `masters` that the connection, or the attempt, goes by.
  var generation = 0
  /// Looks whether it still does.
  private var followTimer: Timer?
  let checksRole: Bool
  let breaker: SharedBreaker
  let scripts: [[UInt8]]
  let trial: () -> [UInt8]
  let observer: any RedisObserver
  let deadlines: Deadlines
  weak var handler: (any LinkHandler)?

  var phase = Phase.idle
  /// For good.
  var isStopped = false
  var timer: Timer!
  var preparer: Preparer!
  /// Whether a target that needs no waiting is prepared without a thread.
  let isPreparedAtOnce: Bool
  /// Whether the attempt under way is the breaker's trial.
  var isTrial = false

  // The attempt.
  var preparation: Preparation?
  var addressIndex = 0
  /// The failure of an address that came furthest, and how far.
  var failureSoFar: (failure: LinkFailure, rank: Int)?

  // The connection.
  var stream: Stream?
  var channel: TLSChannel?
  var handshake: Handshake?
  var reader = ReplyReader()
  var ending = Ending.nothing
  /// Plain text and cipher text on their way; empty without TLS.
  var scratch: [UInt8] = []
  /// The next wait between attempts.
  var backoff = Bounds.backoff.lowerBound
  var readySince: Int64 = 0

  /// A link that is not started. Its handler is not kept.
  ///
  /// - Parameters:
  ///   - masters: Where the target is, in place of its own place.
  ///   - checksRole: Whether a server that calls itself no master is refused; always where `masters` say where it is.
  ///   - scripts: The texts to load at each connection.
  ///   - trial: Makes the bytes of one command that proves that Redis can serve us; called at each connection.
  ///   - prepare: In place of `Preparation.make`, for tests.
  init(
    loop: Loop, target: RedisTarget, masters: MasterDirectory? = nil, checksRole: Bool = false, breaker: SharedBreaker,
    scripts: [[UInt8]], trial: @escaping () -> [UInt8],
    observer: any RedisObserver, handler: any LinkHandler, deadlines: Deadlines = Deadlines(),
    prepare: (@Sendable () -> Result<Preparation, LinkFailure>)? = nil
  ) {
    self.loop = loop
    self.target = target
    self.masters = masters
    self.checksRole = checksRole || masters != nil
    self.breaker = breaker
    self.scripts = scripts
    self.trial = trial
    self.observer = observer
    self.handler = handler
    self.deadlines = deadlines
    isPreparedAtOnce = prepare == nil
    timer = Timer(loop: loop) { [weak self] _ in self?.timerFired() }
    preparer = Preparer(
      loop: loop, work: prepare ?? { Preparation.make(target) }, deliver: { [weak self] in self?.prepared($0) })
    if masters != nil { followTimer = Timer(loop: loop) { [weak self] _ in self?.follow() } }
  }

  deinit {
    timer.close()
    followTimer?.close()
    preparer.close()
  }

  /// Whether commands may be written.
  var isReady: Bool { phase == .ready }

  /// Begins the first attempt at once. Once.
  func start() {
    precondition(phase == .idle && !isStopped, "a link is started once")
    followTimer?.start(afterNanoseconds: Bounds.followInterval, every: Bounds.followInterval)
    beginAttempt()
  }

  /// Ends the connection, politely, and makes no other. A handler that had `linkReady` gets `linkLost`. May be called
  /// twice.
  func stop() {
    isStopped = true
    timer.close()
    followTimer?.close()
    preparer.close()
    giveUpTrial()
    if phase == .ready { sayGoodbye() }
    switch phase {
    case .idle, .waiting, .preparing: phase = .idle
    case .connecting, .securing, .greeting: end(.nothing)
    case .ready: end(.loss(.disconnected))
    case .closing: return
    }
  }

  /// Sends commands.
  ///
  /// - Parameter bytes: Whole commands.
  /// - Returns: False where nothing was taken: the link is not ready, or too much waits already.
  func write(_ bytes: Span<UInt8>) -> Bool {
    guard phase == .ready, let stream else { return false }
    guard channel != nil else { return stream.write(bytes) }
    guard stream.pendingOutput == 0 || stream.pendingOutput + bytes.count <= Bounds.output else { return false }
    return send(bytes)
  }

  /// Ends a connection that is of no use any more; another is made after a wait. Counted in the breaker and told to the
  /// observer. Without a ready connection it does nothing.
  ///
  /// - Parameter detail: See `RedisObserver.redisFailed`; the address is put before it.
  func fail(_ failure: RedisFailure, detail: String) {
    guard phase == .ready else { return }
    lose(LinkFailure(failure, detail))
  }

  /// Somebody has seen that the breaker is not closed: ends what is not its trial, without counting it.
  func breakerOpened() {
    guard !breaker.isClosed, !isTrial else { return }
    startOver()
  }

  /// Whether the master is known to be elsewhere.
  var hasMoved: Bool { masters.map { $0.generation != generation } ?? false }

  /// Leaves a master that is none any more, and what stands in the way to the new one: nothing of that is counted.
  func follow() {
    guard hasMoved, !isStopped else { return }
    giveUpTrial()
    startOver()
  }

  /// Ends what there is, and goes on as the breaker permits.
  private func startOver() {
    switch phase {
    case .idle, .closing: return
    case .waiting: beginAttempt()
    case .preparing:
      preparer.cancel()
      beginAttempt()
    case .connecting, .securing, .greeting: end(.nothing)
    case .ready: end(.loss(.disconnected))
    }
  }
}
