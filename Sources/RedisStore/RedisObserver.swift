// RedisObserver.swift: who hears how Redis is doing, for metrics and logs.

/// Told by connections, stores and the breaker of one Redis. Methods are called on any worker's thread, at any rate (an
/// outage may bring hundreds of failures a second), and return soon; what is said once and what each time is decided
/// here.
public protocol RedisObserver: AnyObject, Sendable {
  /// A connection is ready: greeted, and proven to be writable.
  func redisConnected()

  /// A connection that was ready is no more, for whatever reason, a clean stop included; follows `redisFailed` where it
  /// failed. Exactly once for each `redisConnected`.
  func redisDisconnected()

  /// An attempt to connect, a connection or a call failed; once for each.
  ///
  /// - Parameter detail: One sentence or two without the last full stop: where, what happened, and what to do. Holds no
  ///   secret, no control character, and at most 200 bytes of Redis's own words.
  func redisFailed(_ failure: RedisFailure, detail: String)

  /// A call was answered.
  ///
  /// - Parameters:
  ///   - nanoseconds: From its writing to its reply.
  ///   - checks: How many it decided.
  func redisCalled(nanoseconds: Int64, checks: Int)

  /// Redis does not permit what orders need, though checks may be well; or it does again. Each time that this changes;
  /// each failure besides as `redisFailed`.
  func redisOrdersForbidden(_ isForbidden: Bool)

  /// A check was denied by what Redis said a moment ago, without asking it.
  func redisRemembered()
}

extension RedisObserver {
  public func redisOrdersForbidden(_ isForbidden: Bool) {}
}

/// Told of the one breaker of a process, on any thread.
public protocol BreakerObserver: AnyObject, Sendable {
  /// The breaker has opened, closed, or lets a trial through.
  func redisBreakerChanged(to state: Breaker.State)
}
