// MasterDirectory.swift: where the master is, as the sentinels say. One for a process: SentinelWatch writes, the links of
// all workers read, each at every attempt to connect, and by one atomic load before each check.

import Synchronization

/// Told what sentinels say. Methods are called on the thread of the watch, once for each change.
public protocol MasterObserver: AnyObject, Sendable {
  /// The master is there: the first that is known, or another than before.
  func masterFound(at address: NodeAddress, epoch: Int64)

  /// A sentinel does not answer, or does not know the master. Not told again until `sentinelAnswers`.
  ///
  /// - Parameter detail: What happened and what to do, with the sentinel's address, without secrets.
  func sentinelFailed(_ failure: RedisFailure, detail: String)

  /// A sentinel answers that had failed.
  func sentinelAnswers(_ sentinel: NodeAddress)
}

/// What one process knows of its master. Thread-safe.
public final class MasterDirectory: Sendable {
  private enum Standing {
    /// It has not been heard of yet.
    case unknown
    case answers
    case failed(LinkFailure)
  }

  private struct State {
    var choice: MasterChoice
    var standing: [Standing]
    /// Rises with every change of the address.
    var generation = 0
  }

  public let target: SentinelTarget
  /// Of the master. What it knows is about one server, so it begins anew with another.
  public let breaker: SharedBreaker
  private let observer: (any MasterObserver)?
  private let state: Mutex<State>
  /// The state's generation, for those who only ask whether it has changed.
  private let mirror = Atomic<Int>(0)

  public init(_ target: SentinelTarget, breaker: SharedBreaker, observer: (any MasterObserver)? = nil) {
    self.target = target
    self.breaker = breaker
    self.observer = observer
    let count = target.sentinels.count
    state = Mutex(
      State(choice: MasterChoice(sentinels: count), standing: Array(repeating: .unknown, count: count)))
  }

  /// Rises with every change of the address. Without a lock.
  var generation: Int { mirror.load(ordering: .acquiring) }

  /// The address, nil where none is known yet, and its generation.
  func look() -> (address: NodeAddress?, generation: Int) {
    state.withLock { ($0.choice.current?.address, $0.generation) }
  }

  /// Why no address is known, as a sentence; nil while a sentinel may still answer for the first time.
  var whyUnknown: LinkFailure? {
    let failures: [LinkFailure]? = state.withLock { state in
      var failures: [LinkFailure] = []
      for standing in state.standing {
        switch standing {
        case .unknown: return nil
        case .answers: continue
        case .failed(let failure): failures.append(failure)
        }
      }
      return failures
    }
    guard let failures, let first = failures.first else { return nil }
    let others = failures.count > 1 ? "; and \(failures.count - 1) more that failed" : ""
    return LinkFailure(
      .resolve, "no sentinel says where the master \"\(shownName)\" is: \(first.detail)\(others)")
  }

  private var shownName: String {
    let bytes = Array(target.masterName.utf8)
    return RedisFailure.printable(bytes.span)
  }

  // MARK: For the watch

  /// A sentinel has said where the master is.
  func heard(_ word: MasterChoice.Word, from sentinel: Int) {
    let (move, wasFailed) = state.withLock { state in
      let move = weigh(word, from: sentinel, &state)
      var wasFailed = false
      if case .failed = state.standing[sentinel] { wasFailed = true }
      state.standing[sentinel] = .answers
      return (move, wasFailed)
    }
    if wasFailed { observer?.sentinelAnswers(target.sentinels[sentinel]) }
    moved(move)
  }

  /// A sentinel does not answer, or not with an address.
  func failed(_ sentinel: Int, _ failure: LinkFailure) {
    let (move, isNews) = state.withLock { state in
      let move = weigh(nil, from: sentinel, &state)
      var isNews = true
      if case .failed = state.standing[sentinel] { isNews = false }
      state.standing[sentinel] = .failed(failure)
      return (move, isNews)
    }
    if isNews { observer?.sentinelFailed(failure.failure, detail: failure.detail) }
    moved(move)
  }

  /// Returns what is believed, if that is another address.
  private func weigh(_ word: MasterChoice.Word?, from sentinel: Int, _ state: inout State) -> MasterChoice.Word? {
    guard state.choice.heard(word, from: sentinel) else { return nil }
    state.generation += 1
    mirror.store(state.generation, ordering: .releasing)
    return state.choice.current
  }

  private func moved(_ move: MasterChoice.Word?) {
    guard let move else { return }
    breaker.forget()
    observer?.masterFound(at: move.address, epoch: move.epoch)
  }
}
