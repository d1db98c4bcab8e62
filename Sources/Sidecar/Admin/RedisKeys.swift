// RedisKeys.swift: one key of a policy that counts in Redis: asked and changed there, through the worker that also reads
// what others order.

import CheckAPI
import Limiting
import Policies
import RedisStore

/// Lives on the main loop.
final class RedisKeys: SharedKeys {
  private let errands: Errands
  private let reloader: Reloader
  private let unixNow: () -> Int64

  /// - Parameter unixNow: Nanoseconds since the Unix epoch.
  init(errands: Errands, reloader: Reloader, unixNow: @escaping () -> Int64) {
    self.errands = errands
    self.reloader = reloader
    self.unixNow = unixNow
  }

  func look(_ charge: Charge, _ key: [UInt8], _ then: @escaping (Result<SharedKeyState, Refusal>) -> Void) {
    let names = reloader.inForce.names
    ask { redis, done in
      redis.look(charge, key: key, names: names, reply: done)
    } then: { answer in
      then(answer.mapError(\.refusal))
    }
  }

  func reset(
    _ identity: CounterIdentity, _ key: [UInt8], _ then: @escaping (Result<OrderReceipt<Bool>, SharedFailure>) -> Void
  ) {
    ask { redis, done in
      redis.reset(identity, key: key, reply: done)
    } then: { answer in
      then(
        answer.flatMap { said in
          switch said.outcome {
          case .forgotten: .success(OrderReceipt(true, number: said.number))
          case .nothing: .success(OrderReceipt(false, number: said.number))
          case .full:
            .failure(
              SharedFailure(
                refusal: Refusal(409, "too many keys were reset within a minute; try again later"), mayBeDone: false))
          }
        })
    }
  }

  func write(_ change: OrderChange, _ then: @escaping (Result<Int64, SharedFailure>) -> Void) {
    let now = unixNow()
    ask { redis, done in
      redis.write(change.order, for: change.identity, key: change.key, unixNow: now, reply: done)
    } then: { answer in
      then(
        answer.flatMap { said in
          switch said.outcome {
          case .done, .nothing: .success(said.number)
          case .full: .failure(SharedFailure(.full))
          case .over: .failure(SharedFailure(.over))
          }
        })
    }
  }

  /// Asks the first worker; a worker that does not answer in time may still do what it was asked.
  private func ask<Value: Sendable>(
    _ work: @escaping @Sendable (RedisStore, @escaping (Result<Value, WordFailure>) -> Void) -> Void,
    then: @escaping (Result<Value, SharedFailure>) -> Void
  ) {
    errands.ask(onlyFirst: true) { view, done in
      guard let redis = view.redis else {
        return done(.failure(WordFailure(.disconnected, "this weir has no Redis", mayBeDone: false)))
      }
      work(redis) { done($0) }
    } then: { (result: Result<[Result<Value, WordFailure>], Errands.Missing>) in
      let late = WordFailure(.timeout, "no answer within a second", mayBeDone: true)
      switch result {
      case .success(let answers): then((answers.first ?? .failure(late)).mapError { SharedFailure($0) })
      case .failure(.late): then(.failure(SharedFailure(late)))
      case .failure(.refused):
        let refused = WordFailure(.disconnected, "too many questions wait for the workers", mayBeDone: false)
        then(.failure(SharedFailure(refused)))
      }
    }
  }
}

extension SharedFailure {
  fileprivate init(_ refusal: OrderRefusal) {
    self.init(refusal: Refusal(refusal.status, refusal.detail), mayBeDone: false)
  }

  /// A 503 that says whether anything changed.
  fileprivate init(_ failure: WordFailure) {
    let outcome =
      failure.mayBeDone ? "it may have been done even so: look at the key, or ask again" : "nothing has changed"
    self.init(
      refusal: Refusal(503, "Redis (\(failure.failure.rawValue)): \(failure.detail); \(outcome)"),
      mayBeDone: failure.mayBeDone)
  }
}
