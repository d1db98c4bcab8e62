// Scene.swift: decided charges, without a store, and the answers to them.

import HTTP1
import Limiting
import Policies
import TestKit

@testable import CheckAPI

let second: Int64 = 1_000_000_000

/// A check as a store left it.
struct Scene {
  /// One policy's part in it.
  struct Part {
    var name: String
    var decision: Decision
    var limit = Limit(algorithm: .fixedWindow, limit: 10, period: 60 * second)
    var effect = Charge.Effect.limit
    var isShadow = false
    var place = Charge.Place.memory
    var onStoreFailure = Policy.OnStoreFailure.memory
  }

  var settings = APISettings()
  /// 14 November 2023, 22:13:20 UTC, to the second.
  var now = Now(monotonic: 5 * second, unix: 1_700_000_000 * second)
  var redisUnix: Int64?
  var after = Afterwards.keep
  var outcome: CheckOutcome
  var domain = "default"
  var parts: [Part]

  init(_ outcome: CheckOutcome, _ parts: [Part]) {
    self.outcome = outcome
    self.parts = parts
  }

  /// An allowance.
  init(_ parts: [Part]) { self.init(.allowed, parts) }

  private var set: PolicySet { PolicySet(parts.map { Policy(domain: domain, name: $0.name, limit: $0.limit) }) }

  var charges: [Charge] {
    parts.enumerated().map { number, part in
      var charge = Charge(
        policy: Int32(number), slot: UInt32(number + 100), keyStart: 0, keyCount: 0, effect: part.effect,
        isShadow: part.isShadow, place: part.place, onStoreFailure: part.onStoreFailure, limit: part.limit, cost: 1)
      charge.decision = part.decision
      return charge
    }
  }

  var answer: Answer { Answer(settings.style, set, at: now, redisUnix: redisUnix, after: after) }

  /// The bytes that answer `request`, which is in the gateway form.
  func gateway(_ request: Request = Request("GET", "/check")) -> String {
    let isHead = Router.isHead(request.head, request.bytes.span)
    return written {
      answer.writeGateway(charges, outcome, denyStatus: request.gatewayRoute.denyStatus, isHead: isHead, to: &$0)
    }
  }

  /// The bytes that answer the JSON form.
  func json(domain: String = "default") -> String {
    written { answer.writeJSON(charges, outcome, domain: domain.utf8.span, to: &$0) }
  }
}

extension Scene.Part {
  /// A policy that lets the check pass.
  static func allows(
    _ name: String = "a", limit: Int64 = 10, remaining: Int64 = 7, reset: Int64 = 60 * second,
    next: Int64 = 60 * second
  ) -> Self {
    Self(
      name: name,
      decision: Decision(outcome: .allow, limit: limit, remaining: remaining, reset: reset, nextUnit: next))
  }

  /// A policy that does not, for now.
  static func denies(
    _ name: String = "a", limit: Int64 = 10, remaining: Int64 = 0, wait: Int64 = 30 * second, reset: Int64 = 60 * second
  ) -> Self {
    Self(
      name: name,
      decision: Decision(
        outcome: .deny, limit: limit, remaining: remaining, retryAfter: wait, reset: reset, nextUnit: wait))
  }

  /// A policy under which no wait helps, since the cost is above the capacity.
  static func never(_ name: String = "a", remaining: Int64 = 4) -> Self {
    Self(name: name, decision: Decision(outcome: .denyAlways, limit: 10, remaining: remaining, reset: 9 * second))
  }

  /// A policy whose override blocks this key.
  static func blocks(_ name: String = "a") -> Self {
    Self(name: name, decision: Decision(outcome: .denyAlways, limit: 0, remaining: 0), effect: .block)
  }

  /// A policy whose override exempts this key; its decision means nothing.
  static func exempts(_ name: String = "a") -> Self {
    Self(name: name, decision: Decision(outcome: .deny, limit: 1, remaining: 0, retryAfter: second), effect: .unlimited)
  }

  /// The same part of a policy that only watches.
  var shadow: Self {
    var part = self
    part.isShadow = true
    return part
  }

  /// The same part, counted in `place`.
  func counted(_ place: Charge.Place, onStoreFailure: Policy.OnStoreFailure = .memory) -> Self {
    var part = self
    part.place = place
    part.onStoreFailure = onStoreFailure
    return part
  }

  func under(_ limit: Limit) -> Self {
    var part = self
    part.limit = limit
    return part
  }
}
