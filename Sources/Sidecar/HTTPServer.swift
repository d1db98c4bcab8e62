// HTTPServer.swift: the connections of one loop that serve one responder: accepts them, bounds them, ends those that
// wait too long, drains them.

import CheckAPI
import EventLoop
import HTTP1
import Synchronization
import Telemetry

/// How many connections the whole process may still open.
final class ConnectionBudget: Sendable {
  private let open = Atomic<Int>(0)
  let limit: Int
  /// Connections beyond it, a server, that are given the time to read their 503.
  let refused: Int

  init(limit: Int, refused: Int = Bounds.refusedLingering) {
    self.limit = limit
    self.refused = refused
  }

  var count: Int { open.load(ordering: .relaxed) }

  /// Takes one connection from the budget; false where none is left.
  func take() -> Bool {
    guard open.add(1, ordering: .relaxed).newValue > limit else { return true }
    giveBack()
    return false
  }

  func giveBack() { open.subtract(1, ordering: .relaxed) }
}

/// Serves one responder on one loop.
final class HTTPServer: ListenerHandler {
  let loop: Loop
  let responder: any Responder
  let counters: WorkerCounters
  let kind: WorkerCounter.Listener
  /// How long a connection may wait between requests, and for its first.
  let idleTime: Int64
  /// Pages cost much more than checks: a connection is answered one a turn of the loop, so that whoever asks for many in
  /// one go keeps nobody else waiting for longer than one takes.
  let givesOnePageATurn: Bool
  /// Answers on their way to a stream; empty between events.
  var out = ResponseBuffer()
  /// Parsers that no half-read request needs.
  var spareParsers: [ParserBox] = []
  /// Buffers that hold no connection's answer.
  var spareHeld: [HeldAnswer] = []
  private(set) var isDraining = false
  private let budget: ConnectionBudget
  /// Bytes that connections may claim together, and what they do.
  private let claimLimit: Int
  private(set) var claims = 0
  private var isShedding = false
  /// Connections with requests that wait for the next turn.
  private var waitingForTurn: [HTTPConnection] = []
  private var listeners: [Listener] = []
  private var connections: [HTTPConnection] = []
  private var refusedLingering = 0
  /// Accepting has failed and not succeeded since: it is reported once.
  private var isAcceptFailing = false
  private var timer: Timer?
  private let reportError: @Sendable (UVError) -> Void
  private var onDrained: (() -> Void)?

  init(
    loop: Loop, responder: any Responder, counters: WorkerCounters, kind: WorkerCounter.Listener,
    budget: ConnectionBudget, idleTime: Int64 = Bounds.idleTime, claimLimit: Int = Bounds.claims,
    givesOnePageATurn: Bool = false, reportError: @escaping @Sendable (UVError) -> Void
  ) {
    self.loop = loop
    self.responder = responder
    self.counters = counters
    self.kind = kind
    self.budget = budget
    self.idleTime = idleTime
    self.givesOnePageATurn = givesOnePageATurn
    self.claimLimit = claimLimit
    self.reportError = reportError
    timer = Timer(loop: loop) { [unowned self] _ in sweep() }
    timer?.start(afterNanoseconds: Bounds.sweepInterval, every: Bounds.sweepInterval)
  }

  func listen(on socket: ListeningSocket) throws(UVError) {
    listeners.append(
      try Listener(
        loop: loop, socket: socket, maximumInput: Bounds.input, maximumOutput: Bounds.output, handler: self))
  }

  // MARK: Accepting

  func accepted(_ listener: Listener, stream: Stream) {
    isAcceptFailing = false
    let isRefused = !budget.take()
    guard !isRefused || refusedLingering < budget.refused else {
      counters.add(.connectionsRefused)
      return stream.close()
    }
    let connection = HTTPConnection(self, stream, at: connections.count, isRefused: isRefused)
    connections.append(connection)
    stream.handler = connection
    guard isRefused else { return counters.add(.connectionsOpened) }
    refusedLingering += 1
    counters.add(.connectionsRefused)
    connection.refuse(Refusal(503, "too many connections; at most \(budget.limit) are served at one time"))
  }

  func acceptFailed(_ listener: Listener, error: UVError) {
    counters.add(.acceptErrors)
    if !isAcceptFailing { reportError(error) }
    isAcceptFailing = true
  }

  /// Forgets a connection that is gone: the last one takes its place.
  func remove(_ connection: HTTPConnection) {
    if connection.isRefused {
      refusedLingering -= 1
    } else {
      budget.giveBack()
      counters.add(.connectionsClosed)
    }
    let last = connections.removeLast()
    if last !== connection {
      connections[connection.place] = last
      last.place = connection.place
    }
    if isDraining, connections.isEmpty { reportDrained() }
  }

  // MARK: What connections hold

  /// A connection claims more, or less. Beyond the bound, those that cost most are ended, perhaps itself.
  func changeClaims(by growth: Int) {
    claims += growth
    counters.adjust(.connectionBytes, by: growth)
    if claims > claimLimit, !isShedding { shed() }
  }

  /// Ends the connections that have held most for longest, until a quarter of the bound is free: whoever wants this to be
  /// done again has to send as much again, which pays for looking at all connections. By size alone thousands of half
  /// heads, each a bit larger than an honest one, would end all that are honest.
  private func shed() {
    isShedding = true
    let goal = claimLimit / 4 * 3
    let now = loop.now
    let costs = connections.filter { $0.claimed > 0 }.map { (connection: $0, cost: $0.cost(at: now)) }
    for (connection, _) in costs.sorted(by: { $0.cost > $1.cost }) {
      guard claims > goal else { break }
      connection.shed()
    }
    isShedding = false
  }

  // MARK: Turns

  /// A connection is offered what it has left once more in the next turn of the loop, and nothing before that.
  func waitForTurn(_ connection: HTTPConnection) {
    connection.stream.pauseReading()
    waitingForTurn.append(connection)
    loop.callAtTurnEnd(self)
  }

  // MARK: Time

  private func sweep() {
    let now = loop.now
    // From the end, since one that closes is replaced by the last.
    for index in connections.indices.reversed() where index < connections.count {
      if connections[index].deadline <= now { connections[index].timedOut() }
    }
  }

  // MARK: Stopping

  /// Accepts what waits, stops listening, and lets connections finish: each gets one more answer, that says so, or a
  /// second. Calls `then` once none is left.
  func drain(then: @escaping () -> Void) {
    onDrained = then
    for listener in listeners { listener.acceptBacklog() }
    isDraining = true
    for listener in listeners { listener.close() }
    listeners = []
    for connection in connections { connection.beginDrain() }
    if connections.isEmpty { reportDrained() }
  }

  private func reportDrained() {
    onDrained?()
    onDrained = nil
  }

  /// Ends everything at once.
  func stop() {
    for listener in listeners { listener.close() }
    listeners = []
    for connection in connections { connection.stream.close() }
    timer?.close()
  }
}

extension HTTPServer: TurnEndHandler {
  /// Streams that are resumed from here get their bytes at the end of the next turn.
  func turnEnded() {
    let connections = waitingForTurn
    waitingForTurn = []
    for connection in connections { connection.turnCame() }
  }
}

/// A parser, kept where a request is read in several pieces.
final class ParserBox {
  var parser = RequestParser()
}

/// A completed answer, kept until the requests that came behind it have been looked at, so that all leave in one write.
final class HeldAnswer {
  var bytes = ResponseBuffer()
}
