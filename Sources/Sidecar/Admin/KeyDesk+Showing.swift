// KeyDesk+Showing.swift: `GET /keys`: what a check of cost 1 with a key would find, orders included; it spends nothing.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import RedisStore
import Stores

extension KeyDesk {
  func show(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    try request.refuseUnknownParameters(["domain", "policy", "key", "shared"])
    var call = KeyCall()
    call.domain = try request.parameter("domain") ?? call.domain
    guard let policy = try request.parameter("policy") else { throw Refusal(400, "parameter policy is missing") }
    call.policy = policy
    let parts = request.values("key")
    switch try request.parameter("shared") {
    case nil, "false"?: call.key = try KeyCall.key(query: parts)
    case "true"? where parts.isEmpty: call.key = .shared
    case "true"?: throw Refusal(400, "give key, or shared=true")
    default: throw Refusal(400, "shared must be true or false")
    }
    let place = try place(of: call)
    let now = self.now
    guard let charge = charge(of: place, at: now) else {
      throw Refusal(400, "this is no key of policy \(place.policy.name)")
    }
    guard place.isShared, charge.effect == .limit, let shared else {
      let here = store.state(slot: charge.slot, key: place.bytes.span, limit: charge.limit, now: now)
      return reply(.json(describe(place, charge, here.decision, place.policy.store.rawValue, here.place, at: now)))
    }
    shared.look(charge, place.bytes) { [self] answer in
      switch answer {
      case .success(let there):
        let now = Now(monotonic: self.now.monotonic, unix: there.unixNow)
        reply(.json(describe(place, charge, there.decision, "redis", nil, at: now)))
      case .failure(let refusal): reply(fallback(place, charge).map { .json($0) } ?? .refused(refusal))
      }
    }
  }

  /// What holds here while Redis does not answer; nil where the policy does not count then.
  private func fallback(_ place: Place, _ charge: Charge) -> String? {
    guard charge.onStoreFailure == .memory else { return nil }
    var divided = [charge]
    _ = Decider.leaveRedis(&divided, reloader.inForce.set, live)
    let here = store.state(slot: charge.slot, key: place.bytes.span, limit: divided[0].limit, now: now)
    return describe(place, divided[0], here.decision, "fallback", here.place, at: now)
  }

  /// What a check of cost 1 with this key would ask, orders included.
  private func charge(of place: Place, at now: Now) -> Charge? {
    guard var charge = reloader.inForce.set.charge(policy: place.number, key: place.bytes).map({ [$0] }) else {
      return nil
    }
    book.orders.apply(to: &charge, keys: place.bytes.span, at: now.unix)
    return charge[0]
  }

  private func describe(
    _ place: Place, _ charge: Charge, _ decision: Decision, _ home: String, _ cell: KeyState.Place?, at now: Now
  ) -> String {
    var members = head(of: place)
    members += [
      ("algorithm", JSONText.quoted("\(place.policy.limit.algorithm.name)")),
      ("period", JSONText.quoted(DurationText.text(charge.limit.period))),
    ]
    members += KeyNumbers(charge, decision, at: now).members
    members += [
      ("store", JSONText.quoted(home)), ("cell", place.isShared && home != "fallback" ? "null" : Self.word(cell)),
      ("mode", JSONText.quoted(charge.isShadow ? "shadow" : "enforce")),
      ("order", orderText(policy: place.number, key: place.bytes, reloader.inForce)),
    ]
    return JSONText.object(members)
  }

  private static func word(_ cell: KeyState.Place?) -> String {
    switch cell {
    case .own?: "\"own\""
    case .overflow?: "\"overflow\""
    case .some(.none): "\"none\""
    case nil: "null"
    }
  }
}
