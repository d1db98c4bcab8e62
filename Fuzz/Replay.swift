// Replay.swift: the committed corpora through the targets' rules, without a fuzzing engine. `swift test` has the rooms
// built, so that this costs little more than the targets themselves; `scripts/fuzz` is what looks for new inputs.

import Foundation
import Testing

@Suite struct FuzzCorpusTests {
  @Test("every input of the corpus keeps the rules: JSON form")
  func jsonCheck() throws { try replay("json-check") { bytes throws(Broken) in try JSONCheckFuzz.check(bytes) } }

  @Test("every input of the corpus keeps the rules: forwarded requests")
  func forwarded() throws { try replay("forwarded") { bytes throws(Broken) in try ForwardedFuzz.check(bytes) } }

  @Test("every input of the corpus keeps the rules: policy files")
  func policyFiles() throws { try replay("policy-files") { bytes throws(Broken) in try PolicyFilesFuzz.check(bytes) } }

  @Test("every input of the corpus keeps the rules: replies of Redis")
  func redis() throws { try replay("redis-replies") { bytes throws(Broken) in try RedisRepliesFuzz.check(bytes) } }

  @Test("every input of the corpus keeps the rules: slot maps")
  func slotMap() throws { try replay("slot-map") { bytes throws(Broken) in try SlotMapFuzz.check(bytes) } }

  private func replay(_ target: String, _ check: ([UInt8]) throws(Broken) -> Void) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "\(target)/corpus")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    #expect(files.count >= 10, "the corpus of \(target) is missing")
    for file in files {
      do throws(Broken) {
        try check(Array((try? Data(contentsOf: file)) ?? Data()))
      } catch {
        Issue.record("\(file.path): \(error)")
      }
    }
  }
}
