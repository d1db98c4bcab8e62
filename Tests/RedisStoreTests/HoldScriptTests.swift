// HoldScriptTests.swift: hold.lua and settle.lua in a real redis-server, under the contract of all stores and over random
// traces.

import Limiting
import Policies
import Stores
import TestKit
import Testing

@testable import RedisStore

@Suite("hold.lua") struct HoldScriptTests {
  static let start: Int64 = 1_700_000_000_000_000
  static let minute: Int64 = 60_000_000_000
  static let ways: [EvalStore.Way] = [.charges, .holds, .parts]

  static func limit(_ algorithm: Algorithm, _ limit: Int64, period: Int64 = minute) -> Limit {
    Limit(algorithm: algorithm, limit: limit, period: period)
  }

  @Test("keeps the contract of all stores", arguments: StoreContract.allCases, ways)
  func contract(_ rule: StoreContract, _ way: EvalStore.Way) throws {
    let rig = try ScriptRig()
    #expect(rule.failures { EvalStore(rig, way) } == [], "\(rule.rawValue)")
  }

  @Test("answers traces over mixed algorithms as the reference does", arguments: StoreTrace.Kind.allCases, ways)
  func mixed(_ kind: StoreTrace.Kind, _ way: EvalStore.Way) throws {
    let rig = try ScriptRig()
    for seed in 100..<120 {
      let failure = StoreTrace(kind, nil, seed: UInt64(seed), turns: 100, slots: 7).disagreement(
        of: EvalStore(rig, way))
      #expect(failure == nil, "seed \(seed), \(failure ?? "")")
    }
  }
}
