// RecordingObserver.swift: remembers what it was told.

import Synchronization

@testable import RedisStore

final class RecordingObserver: RedisObserver, BreakerObserver {
  struct Heard {
    var connects = 0
    var disconnects = 0
    var failures: [LinkFailure] = []
    var states: [Breaker.State] = []
    var forbidden: [Bool] = []
  }

  private let heard = Mutex(Heard())

  var connects: Int { heard.withLock { $0.connects } }
  var disconnects: Int { heard.withLock { $0.disconnects } }
  var failures: [LinkFailure] { heard.withLock { $0.failures } }
  var kinds: [RedisFailure] { failures.map(\.failure) }
  var forbidden: [Bool] { heard.withLock { $0.forbidden } }
  var states: [Breaker.State] { heard.withLock { $0.states } }

  func redisConnected() { heard.withLock { $0.connects += 1 } }
  func redisDisconnected() { heard.withLock { $0.disconnects += 1 } }
  func redisFailed(_ failure: RedisFailure, detail: String) {
    heard.withLock { $0.failures.append(LinkFailure(failure, detail)) }
  }
  func redisCalled(nanoseconds: Int64, checks: Int) {}
  func redisRemembered() {}
  func redisOrdersForbidden(_ isForbidden: Bool) { heard.withLock { $0.forbidden.append(isForbidden) } }

  func redisBreakerChanged(to state: Breaker.State) { heard.withLock { $0.states.append(state) } }
}
