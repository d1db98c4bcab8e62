// ChaosRecord.swift: where the threads of a run write down what they did and saw.

import Foundation
import Synchronization

/// Thread-safe.
final class ChaosRecord: Sendable {
  let clock = RunClock()
  private let state: Mutex<State>

  struct State: Sendable {
    var history = ChaosHistory()
    var checks: [ChaosCheck] = []
    /// What broke a promise at once.
    var findings: [String] = []
    /// What happened, for people.
    var events: [String] = []
    var faults: [String: Int] = [:]
    /// By number of the weir: the most that was seen.
    var mostMemory: [Int: Int] = [:]
    /// Of the weir that is never restarted, in the first third of the faults.
    var mostMemoryInThird = 0
    var mostDescriptors: [Int: Int] = [:]
  }

  init(isCluster: Bool, redisTimeout: Int) {
    var fresh = State()
    fresh.history.isCluster = isCluster
    fresh.history.redisTimeout = redisTimeout
    for policy in ChaosPolicy.all {
      fresh.history.phases[policy.name] = [.init(span: .always, numbers: policy.numbers)]
    }
    state = Mutex(fresh)
  }

  /// What is known, with the clock's stalls and offset.
  var snapshot: State {
    var copy = state.withLock { $0 }
    copy.history.stalls = clock.stalls
    copy.history.unixOffset = clock.unixOffset
    return copy
  }

  /// What is known of the fleet, without the checks.
  var history: ChaosHistory {
    var copy = state.withLock { $0.history }
    copy.stalls = clock.stalls
    return copy
  }

  func change(_ body: (inout ChaosHistory) -> Void) { state.withLock { body(&$0.history) } }
  func add(_ check: ChaosCheck) { state.withLock { $0.checks.append(check) } }

  func event(_ text: String) {
    let line = "\(seconds(clock.now))  \(text)"
    state.withLock { $0.events.append(line) }
  }

  func finding(_ text: String) {
    let line = "at \(seconds(clock.now)): \(text)"
    state.withLock { $0.findings.append(line) }
  }

  func count(_ fault: ChaosPlan.Kind) { state.withLock { $0.faults[fault.rawValue, default: 0] += 1 } }

  func use(of weir: Int, memory: Int, descriptors: Int) {
    state.withLock {
      $0.mostMemory[weir] = max($0.mostMemory[weir] ?? 0, memory)
      $0.mostDescriptors[weir] = max($0.mostDescriptors[weir] ?? 0, descriptors)
    }
  }

  func endFirstThird() {
    state.withLock { $0.mostMemoryInThird = $0.mostMemory[ChaosPlan.crampedWeir] ?? 0 }
  }

  func life(_ life: Int, _ body: (inout ChaosHistory.Life) -> Void) {
    state.withLock { state in
      guard var known = state.history.lives[life] else { return }
      body(&known)
      state.history.lives[life] = known
    }
  }
}
