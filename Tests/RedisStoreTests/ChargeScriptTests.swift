// ChargeScriptTests.swift: charge.lua in a real redis-server, under the contract of all stores and against the memory
// store's arithmetic over random traces.

import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

@Suite("charge.lua") struct ChargeScriptTests {
  @Test("keeps the contract of all stores", arguments: StoreContract.allCases)
  func contract(_ rule: StoreContract) throws {
    let rig = try ScriptRig()
    #expect(rule.failures { EvalStore(rig) } == [], "\(rule.rawValue)")
  }
}
