// AdminPages+Keys.swift: what operators see of keys.

import CheckAPI
import EventLoop
import Telemetry

extension AdminPages {
  /// `GET /keys/top`: asks every worker for its sketches of the policies that are asked for. Without one of them the
  /// counts would be too low.
  func topKeys(_ request: AdminRequest, _ reply: @escaping (AdminReply) -> Void) throws(Refusal) {
    let filter = try TopKeys.Filter(request)
    let set = reloader.inForce.set
    let slots = filter.slots(in: set)
    errands.ask { view, answer in
      answer(view.responder.keys.snapshot(of: slots, at: Loop.monotonicNow()))
    } then: { [state, keyDisplay] (result: Result<[KeySketches.Snapshot], Errands.Missing>) in
      switch result {
      case .success(let snapshots):
        let now = state.clock.now(at: Loop.monotonicNow())
        let page = TopKeys.page(snapshots, set, filter, isHashed: keyDisplay.isHashed, at: now)
        reply(.page(type: "application/json", body: page))
      case .failure(let missing): reply(.refused(Refusal(missing)))
      }
    }
  }
}
