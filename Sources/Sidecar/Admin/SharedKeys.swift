// SharedKeys.swift: keys of policies that count in Redis, as the key desk asks for them.

import CheckAPI
import Limiting
import Policies
import RedisStore

/// The way to Redis for calls about one key. Each call answers once, on the main loop, within the time for a shared
/// decision, a reset within three; a failure is a 503 that says whether anything changed.
protocol SharedKeys: AnyObject {
  /// What a check of cost 1 would get, and the time there.
  func look(_ charge: Charge, _ key: [UInt8], _ then: @escaping (Result<SharedKeyState, Refusal>) -> Void)

  /// Forgets what the key has spent; whether there was anything, and which change of the domain's orders tells of it.
  func reset(
    _ identity: CounterIdentity, _ key: [UInt8], _ then: @escaping (Result<OrderReceipt<Bool>, SharedFailure>) -> Void)

  /// Makes an order known to all weirs, or ends one; which change of the domain's orders that is.
  func write(_ change: OrderChange, _ then: @escaping (Result<Int64, SharedFailure>) -> Void)
}

/// Why a change in Redis is not known to have been made.
struct SharedFailure: Error {
  /// For whoever asked.
  var refusal: Refusal
  /// Whether it may have been made even so.
  var mayBeDone: Bool
}
