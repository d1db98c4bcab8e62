// OrderSettling.swift: holds the answer to an operator's change until every worker of this process obeys it.
//
// What was written to Redis is first read back from there: the page that holds it, or a later one. Then the workers are
// told, and asked something, which they answer after they have taken what they were told. All of it has a second.

import EventLoop

/// Lives on the main loop.
final class OrderSettling {
  private let loop: Loop
  private let delivery: OrderDelivery
  /// nil where there is no Redis.
  private let intake: OrderIntake?
  private let errands: Errands
  private var open: [UInt64: Open] = [:]
  private var lastID: UInt64 = 0

  private struct Open {
    let timer: Timer
    let then: (Bool) -> Void
  }

  init(loop: Loop, delivery: OrderDelivery, intake: OrderIntake?, errands: Errands) {
    self.loop = loop
    self.delivery = delivery
    self.intake = intake
    self.errands = errands
  }

  /// - Parameters:
  ///   - number: Of a change in Redis, of this domain's orders; nil for what changed here.
  ///   - then: Called once, later: whether all workers obey, or a second is over without that.
  func settle(domain: String, number: Int64?, then: @escaping (Bool) -> Void) {
    lastID += 1
    let id = lastID
    let timer = Timer(loop: loop) { [unowned self] _ in finish(id, false) }
    timer.start(afterNanoseconds: Bounds.errandTime)
    open[id] = Open(timer: timer, then: then)
    guard let number, let intake else { return deliver(id) }
    intake.whenKnown(domain, number: number) { [unowned self] in deliver(id) }
  }

  func close() {
    for open in open.values { open.timer.close() }
    open = [:]
  }

  private func deliver(_ id: UInt64) {
    guard open[id] != nil else { return }
    delivery.whenDelivered { [unowned self] in
      errands.ask { _, done in
        done(())
      } then: { (result: Result<[Void], Errands.Missing>) in
        if case .success = result { self.finish(id, true) } else { self.finish(id, false) }
      }
    }
  }

  private func finish(_ id: UInt64, _ isObeyed: Bool) {
    guard let done = open.removeValue(forKey: id) else { return }
    done.timer.close()
    done.then(isObeyed)
  }
}
