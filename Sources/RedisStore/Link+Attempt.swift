// Link+Attempt.swift: the way up: from the breaker's permission to a connection that is ready, and the waits between.

import EventLoop

extension Link {
  /// Connects if the breaker lets us; else waits until it is to be asked again.
  func beginAttempt() {
    guard !isStopped, !loop.isClosing else {
      phase = .idle
      return
    }
    guard locate() else { return }
    switch breaker.permission(at: loop.now) {
    case .go: isTrial = false
    case .trial: isTrial = true
    case .wait(let until):
      phase = .waiting
      return timer.start(afterNanoseconds: until - loop.now)
    }
    preparation = nil
    failureSoFar = nil
    addressIndex = 0
    if isPreparedAtOnce, let ready = Preparation.immediate(target) {
      preparation = ready
      return connect()
    }
    phase = .preparing
    timer.start(afterNanoseconds: deadlines.preparation)
    do { try preparer.begin() } catch {
      attemptFailed(LinkFailure(.resolve, "\(place): no thread to look the name up on: \(error.message)"))
    }
  }

  /// Takes the master's address from the sentinels; where they have not told it yet, waits.
  private func locate() -> Bool {
    guard let masters else { return true }
    let known = masters.look()
    generation = known.generation
    guard let address = known.address else {
      // Not counted in the breaker: nothing is asked while there is no connection, and a way is found at once.
      if let why = masters.whyUnknown { observer.redisFailed(why.failure, detail: why.detail) }
      waitForBackoff()
      return false
    }
    if target.place != address.place {
      target.place = address.place
      backoff = Bounds.backoff.lowerBound
      preparer.work = { [target] in Preparation.make(target) }
    }
    return true
  }

  func prepared(_ result: Result<Preparation, LinkFailure>) {
    guard phase == .preparing else { return }
    switch result {
    case .success(let preparation):
      self.preparation = preparation
      connect()
    case .failure(let failure):
      attemptFailed(LinkFailure(failure.failure, "\(place): \(failure.detail)"))
    }
  }

  /// To the address whose turn it is.
  private func connect() {
    guard let address = preparation?.addresses[addressIndex] else { preconditionFailure("preparations have addresses") }
    phase = .connecting
    timer.stop()  // the stream has a deadline of its own
    reader = ReplyReader()
    stream = Stream.connect(
      loop: loop, to: address, timeoutNanoseconds: deadlines.connect, maximumInput: EventLoop.Bounds.readBuffer,
      maximumOutput: Bounds.output, handler: self)
  }

  func connected(_ stream: Stream) {
    guard stream === self.stream, phase == .connecting else { return }
    timer.start(afterNanoseconds: deadlines.greeting)
    guard let context = preparation?.tls else { return greet() }
    guard case .host(let host, _) = target.place else { preconditionFailure("a Unix socket has no TLS") }
    phase = .securing
    scratch = [UInt8](repeating: 0, count: 1 << 15)
    do {
      channel = try TLSChannel(context: context, host: host, isAddress: Preparation.literal(target.place) != nil)
    } catch {
      return addressFailed(.tls, error.detail)
    }
    secure()
  }

  /// Goes on with the TLS handshake.
  func secure() {
    guard let channel else { return }
    switch channel.advance() {
    case .wait: flush()
    // The end of the handshake travels with the greeting, in one write: a server that dislikes our certificate closes
    // at once, and a second write would fail before its reason has been read.
    case .open: greet()
    case .failed(let failure):
      flush()
      if phase == .securing { addressFailed(.tls, failure.detail) }
    }
  }

  private func greet() {
    phase = .greeting
    let greeting = Handshake(
      target: target, checksRole: checksRole, password: preparation?.password, scripts: scripts, trial: trial())
    let request = greeting.request
    _ = send(request.span)  // what goes wrong is told by `closed`
    if phase == .greeting { handshake = greeting.sent() }
  }

  /// A reply during the greeting.
  func greeted(_ reply: Reply) {
    switch handshake?.received(reply) {
    case .wait, nil: return
    case .failed(let failure): addressFailed(failure.failure, failure.detail)
    case .ready: becomeReady(reply)
    }
  }

  private func becomeReady(_ trialReply: Reply) {
    timer.stop()
    handshake = nil
    if isTrial {
      isTrial = false
      breaker.trialEnded(.succeeded, at: loop.now)
    } else if !breaker.isClosed {
      return end(.nothing)  // it opened meanwhile, and this was not its trial
    }
    preparation?.password = nil
    phase = .ready
    readySince = loop.now
    breaker.connected()
    observer.redisConnected()
    handler?.linkReady(self, trialReply: trialReply)
  }

  // MARK: failures

  /// The connection under way to one address has failed; `closed` goes on with the next.
  func addressFailed(_ failure: RedisFailure, _ detail: String) {
    let rank =
      switch phase {
      case .connecting: 1
      case .securing: 2
      default: 3
      }
    if rank > failureSoFar?.rank ?? 0 { failureSoFar = (LinkFailure(failure, "\(place): \(detail)"), rank) }
    end(.address)
  }

  /// What follows the end of one address.
  func tryNextAddress() {
    addressIndex += 1
    if let count = preparation?.addresses.count, addressIndex < count, !isStopped, !loop.isClosing { return connect() }
    attemptFailed(failureSoFar?.failure ?? LinkFailure(.disconnected, "\(place): no connection"))
  }

  private func attemptFailed(_ failure: LinkFailure) {
    preparation = nil
    guard !isStopped, !loop.isClosing else { return waitForNext() }
    count(failure)
    waitForNext()
    handler?.linkFailed(self)
  }

  /// Tells the observer and the breaker.
  ///
  /// - Parameter isLoss: Of a connection that was ready, which its handler counts if it was waiting for something.
  func count(_ failure: LinkFailure, isLoss: Bool = false) {
    observer.redisFailed(failure.failure, detail: failure.detail)
    if isTrial {
      isTrial = false
      breaker.trialEnded(.failed(isQuick: failure.failure.isQuick), at: loop.now)
    } else if !isLoss, !breaker.hasConnection {
      _ = breaker.failed(at: loop.now, isQuick: failure.failure.isQuick)
    }
  }

  /// Hands a trial back that did not take place.
  func giveUpTrial() {
    guard isTrial else { return }
    isTrial = false
    breaker.trialEnded(.abandoned, at: loop.now)
  }

  /// Sets the timer to the next attempt: by the breaker where it is open, else by our own growing wait.
  func waitForNext() {
    guard !isStopped, !loop.isClosing else {
      giveUpTrial()
      phase = .idle
      return
    }
    guard breaker.isClosed, !hasMoved else { return beginAttempt() }
    waitForBackoff()
  }

  private func waitForBackoff() {
    phase = .waiting
    timer.start(afterNanoseconds: Breaker.jittered(backoff, random: UInt64.random(in: 0...UInt64.max)))
    backoff = min(backoff * 2, Bounds.backoff.upperBound)
  }

  func timerFired() {
    switch phase {
    case .waiting: beginAttempt()
    case .preparing:
      preparer.cancel()
      let what = target.passwordFile == nil && target.tls == nil ? "the name" : "the name, or a file,"
      attemptFailed(LinkFailure(.resolve, "\(place): \(what) could not be read within 5 s; check name servers"))
    case .securing:
      addressFailed(.timeout, "no TLS within 1 s; does Redis speak TLS on this port? If not, use redis://")
    case .greeting:
      addressFailed(.timeout, "no answer to the greeting within 1 s; \(RedisFailure.timeout.advice)")
    case .idle, .connecting, .ready, .closing: return
    }
  }
}
