// ChaosRun.swift: one run from start to verdict: the fleet, the load, the three lanes of faults beside each other, then
// quiet, then what must hold when all is healed, then the books.

import Foundation
import Synchronization
import TestKit

struct ChaosRun {
  let plan: ChaosPlan
  private let record: ChaosRecord

  /// Descriptors beyond those before the load: a file that is being read, a resolver's socket.
  private static let spareDescriptors = 3
  /// KiB beyond those before the load: tables, buffers and counters of what the load has asked; what an allocator keeps.
  private static let spareMemory = 12 * 1024
  /// KiB, in a run as long as this: beyond the most that the weir which is never restarted held in the first third. By
  /// then it has seen everything; what still grows goes on growing.
  private static let spareGrowth = 2 * 1024
  private static let longRun = 300 * second

  init(_ plan: ChaosPlan) {
    self.plan = plan
    record = ChaosRecord(isCluster: plan.scenario == .cluster, redisTimeout: ChaosFleet.redisTimeout)
  }

  /// - Throws: Where the fleet does not start, a fault cannot be committed, or something does not come back at all.
  func run() throws -> ChaosReport {
    defer { record.clock.stop() }
    let fleet = try ChaosFleet(plan, record)
    defer { fleet.stop() }
    let base = try usage(of: fleet)
    let begin = record.clock.now
    let load = ChaosLoad(fleet, record)
    var trouble: (any Error)?
    var end: [ChaosReport.Use] = []
    do { try faults(fleet, from: begin) } catch { trouble = error }
    do {
      if trouble == nil { try fleet.waitUntilWell() }
      // When nothing else is wrong nobody notices that scripts go.
      fleet.flushScripts()
      pause(seconds: 1)
    } catch { trouble = error }
    fleet.stopLoad()
    try load.stop()
    let loaded = record.clock.now - begin
    if trouble == nil {
      do {
        try checkExactness(fleet)
        end = try checkUsage(fleet, base)
        checkGrowth(to: end[ChaosPlan.crampedWeir].memory)
        // The last samples are behind the last checks.
        pause(seconds: 1)
      } catch { trouble = error }
    }
    if let trouble { record.finding("\(trouble)") }
    fleet.stop()
    return ChaosReport(plan: plan, state: record.snapshot, base: base, end: end, loaded: loaded, logs: fleet.logs)
  }

  private func faults(_ fleet: ChaosFleet, from begin: Int) throws {
    let lanes = [plan.weirLane, plan.redisLane, plan.lightLane]
    let clock = record.clock
    try concurrently(lanes.count + 1) { number in
      guard number < lanes.count else {
        clock.sleep(until: begin + plan.length / 3)
        return record.endFirstThird()
      }
      for fault in lanes[number] {
        clock.sleep(until: begin + fault.span.from)
        try fleet.commit(fault)
      }
    }
    clock.sleep(until: begin + plan.length)
  }

  // MARK: when all is healed

  /// A key that nobody has asked about admits its limit, over all weirs together, and not one more.
  private func checkExactness(_ fleet: ChaosFleet) throws {
    guard let quota = ChaosPolicy.all.first(where: { $0.name == "quota" }) else { return }
    // A time-out is no fault of weir's on a machine that stands still: then another key is asked.
    for attempt in 0..<10 {
      let clients = try (0..<ChaosPlan.weirs).map { try fleet.connect(to: $0).client }
      let body = #"{"attributes": {"path": "/quota", "user": "fresh-\#(attempt)"}}"#
      let answers = try (0..<quota.numbers.limit + 9).map { number in
        try clients[number % clients.count].request(
          "POST", "/json/check", [("Content-Type", "application/json")], body: body)
      }
      if answers.contains(where: { $0.json?["degraded"] != nil }) { continue }
      let allowed = answers.count { $0.status == 200 }
      if allowed != quota.numbers.limit {
        record.finding("healed, but a fresh key admitted \(allowed) of \(quota.numbers.limit)")
      }
      return
    }
    record.finding("healed, but every try at a fresh key was degraded")
  }

  /// By number: descriptors and resident KiB.
  private func usage(of fleet: ChaosFleet) throws -> [ChaosReport.Use] {
    try (0..<ChaosPlan.weirs).map { number in
      let weir = try fleet.weir(number)
      return .init(descriptors: weir.descriptors ?? 0, memory: weir.memory ?? 0)
    }
  }

  /// - Returns: What is in use when all is healed and no client is connected.
  private func checkUsage(_ fleet: ChaosFleet, _ base: [ChaosReport.Use]) throws -> [ChaosReport.Use] {
    for number in 0..<ChaosPlan.weirs {
      let weir = try fleet.weir(number)
      let most = base[number].descriptors + Self.spareDescriptors
      let isBack = (try? eventually("descriptors are back", within: 30) { weir.descriptors ?? .max <= most }) != nil
      if !isBack {
        record.finding(
          "weir \(number): \(weir.descriptors ?? -1) descriptors, before the load \(base[number].descriptors)")
      }
      let memory = weir.memory ?? .max
      if !Sanitizer.hidesMemory, memory > base[number].memory + Self.spareMemory {
        record.finding("weir \(number): \(memory) KiB resident, before the load \(base[number].memory)")
      }
    }
    return try usage(of: fleet)
  }

  private func checkGrowth(to end: Int) {
    let third = record.snapshot.mostMemoryInThird
    guard plan.length >= Self.longRun, !Sanitizer.hidesMemory, end > third + Self.spareGrowth else { return }
    record.finding("weir \(ChaosPlan.crampedWeir): \(end) KiB resident, in the first third at most \(third)")
  }
}
