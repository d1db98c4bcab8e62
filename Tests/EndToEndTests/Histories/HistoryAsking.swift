// HistoryAsking.swift: checks from many connections at once, noted with their answers: the histories that
// docs/linearizability.md speaks of.
//
// Each algorithm has four counters: one for all checks, one for each of three users, of whom the third has less. A check
// is of one of them, or of both kinds at once. Nothing is regained meanwhile, so the model has no time.

import TestKit
import Testing

typealias CounterHistory = [Operation<CounterCall, CounterAnswer>]

enum HistoryPlan {
  static let capacities: [Int64] = [220, 90, 90, 30]
  /// The counter of all, then those of the users.
  static let users = 3

  /// - Parameter more: Fields of all policies, as `, store: memory`.
  static func policies(_ more: String = "") -> String {
    "policies:\n"
      + algorithms.map { algorithm in
        let burst = algorithm == "token-bucket" ? ", burst: \(capacities[3])" : ""
        return """
            - {name: all-\(algorithm), match: {path: [/\(algorithm)/all, /\(algorithm)/both]}, algorithm: \(algorithm),
               limit: \(capacities[0]), period: \(forever)\(more)}
            - {name: each-\(algorithm), match: {path: [/\(algorithm)/each, /\(algorithm)/both]}, key: user,
               algorithm: \(algorithm), limit: \(capacities[1]), period: \(forever)\(more),
               overrides: [{key: [u2], limit: \(capacities[3])\(burst)}]}

          """
      }.joined()
  }

  /// The policy whose counter this is.
  static func policy(_ counter: Int, _ algorithm: String) -> String {
    (counter == 0 ? "all-" : "each-") + algorithm
  }

  /// The check of some counters: at most one of a user, all with the same cost.
  static func body(_ call: CounterCall, _ algorithm: String) -> String {
    let counters = call.parts.map(\.counter)
    let page = counters.count == 2 ? "both" : counters == [0] ? "all" : "each"
    let user = max(0, (counters.max() ?? 0) - 1)
    let attributes = #"{"path": "/\#(algorithm)/\#(page)", "user": "u\#(user)"}"#
    return #"{"cost": \#(call.parts[0].cost), "attributes": \#(attributes)}"#
  }

  static func randomCall(_ costs: [Int64], users: Int, _ generator: inout SeededGenerator) -> CounterCall {
    let user = Int.random(in: 1...users, using: &generator)
    let cost = generator.pick(costs)
    return CounterCall(generator.pick([[0], [user], [0, user], [0, user]]).map { .init($0, cost) })
  }
}

/// One answer to a check, taken apart.
struct CheckTold {
  var answer: CounterAnswer
  /// Counters that denied.
  var denying: Set<Int>

  init(answer: CounterAnswer, denying: Set<Int>) {
    self.answer = answer
    self.denying = denying
  }

  /// Nil for 503: nobody knows whether it was counted.
  init?(_ response: HTTPResponse, to call: CounterCall, _ algorithm: String) throws {
    if response.status == 503 { return nil }
    guard response.status == 200 || response.status == 429, response.json?["degraded"] == nil else {
      throw MalformedResponse(description: "\(response.status): \(response.text)")
    }
    let numbers = Self.remaining(response["RateLimit"] ?? "")
    let violated = response.json?["violated-policies"]?.array?.compactMap(\.string) ?? []
    let denying = Set(
      call.parts.map(\.counter).filter { violated.contains(HistoryPlan.policy($0, algorithm)) })
    self.denying = denying
    let left = call.parts.map { numbers[HistoryPlan.policy($0.counter, algorithm)] }
    // A part of a check over two slots that was not waited for, since the other one denied, has no number.
    let isComplete = zip(call.parts, left).allSatisfy { part, number in
      number != nil || (!denying.isEmpty && !denying.contains(part.counter))
    }
    guard isComplete, (response.status == 200) == denying.isEmpty else {
      throw MalformedResponse(description: "\(call) violates \(violated): \(response.headers)")
    }
    answer = CounterAnswer(isAllowed: response.status == 200, left: left)
  }

  /// What is left by policy, of `"a";r=4;t=60, "b";r=19;t=1`.
  private static func remaining(_ header: String) -> [String: Int64] {
    var numbers: [String: Int64] = [:]
    for item in header.split(separator: ",") {
      let parts = item.split(separator: ";").map { $0.drop { $0 == " " } }
      guard let value = parts.first(where: { $0.hasPrefix("r=") }) else { continue }
      numbers[String(parts[0].dropFirst().dropLast())] = Int64(value.dropFirst(2))
    }
    return numbers
  }
}

/// Many connections asking at once.
struct HistoryRun {
  var threads = 16
  /// Of each thread.
  var calls = 22
  var costs: [Int64] = [0, 1, 1, 1, 2, 5, 50, 1000]
  var users = HistoryPlan.users
  var seed = UInt64.random(in: 0..<1_000_000)

  /// Asks weirs for checks of one algorithm's counters.
  ///
  /// - Parameter note: Told of each answer, when it has come, beside the history.
  func history(
    _ weirs: [WeirProcess], _ algorithm: String,
    note: @escaping @Sendable (CounterCall, Int64, CheckTold?) -> Void = { _, _, _ in }
  ) throws -> CounterHistory {
    let recorder = HistoryRecorder<CounterCall, CounterAnswer>()
    try concurrently(threads) { thread in
      var generator = SeededGenerator(seed: seed &* 1000 &+ UInt64(thread))
      let client = try weirs[thread % weirs.count].client()
      for _ in 0..<calls {
        let call = HistoryPlan.randomCall(costs, users: users, &generator)
        let body = HistoryPlan.body(call, algorithm)
        let invoked = monotonicNanoseconds()
        var isAnswered = false
        try recorder.record(call) {
          let told = try CheckTold(client.check(body), to: call, algorithm)
          note(call, invoked, told)
          isAnswered = told != nil
          return told?.answer
        }
        // Whoever gets no answer asks on when there may be one: the more calls nobody knows about, the longer the search.
        if !isAnswered { pause(seconds: 0.3) }
      }
    }
    return recorder.history
  }

  /// Records an issue where the history has no order, or shows too little.
  func expectOrder(_ history: CounterHistory, _ model: CounterModel, _ algorithm: String) {
    let failure = Linearizability.check(history, model).failure
    #expect(failure == nil, "seed \(seed), \(algorithm): \(failure ?? "")")
    let outcomes = Set(history.compactMap { $0.output?.isAllowed })
    #expect(outcomes == [true, false], "seed \(seed), \(algorithm): nothing was at its limit")
  }
}
