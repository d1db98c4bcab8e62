// KeyRecorder.swift: who is being limited: each decision's key goes to its policy's sketches, at the cost of a few
// nanoseconds. The hash that finds the key's counter is the one by which the memory store found its cell.
//
// What counts is what the policy did to the client: a shadow policy denies nobody, so that all it sees is allowed.

import Policies
import Stores
import Telemetry

/// The heaviest keys that one worker saw. Only its thread may use it.
final class KeyRecorder {
  private let store: MemoryStore
  private let display: KeyDisplay
  private let sketches: KeySketches

  /// - Parameter now: On the monotonic clock.
  init(_ display: KeyDisplay, store: MemoryStore, now: Int64) {
    self.store = store
    self.display = display
    sketches = KeySketches(now: now)
  }

  /// Makes room for slots 0 ..< `slots`.
  func reserve(slots: Int) { sketches.reserve(slots: slots) }

  /// Records what a policy decided. Allocates only at a policy's first keys.
  ///
  /// - Parameters:
  ///   - keys: The bytes that hold the charge's key.
  ///   - now: On the monotonic clock.
  func record(_ outcome: KeySketches.Outcome, _ charge: Charge, keys: Span<UInt8>, at now: Int64) {
    let slot = Int(charge.slot)
    let hash = store.keyHash(charge, keys: keys)
    guard !sketches.count(outcome, slot: slot, hash: hash, now: now) else { return }
    let start = Int(charge.keyStart)
    let key = keys.extracting(start..<start + Int(charge.keyCount))
    if display.isHashed {
      sketches.insert(outcome, slot: slot, hash: hash, key: Span(), digest: display.digest(key))
    } else if KeySketches.keepsWhole(key.count) {
      sketches.insert(outcome, slot: slot, hash: hash, key: key)
    } else {
      sketches.insert(outcome, slot: slot, hash: hash, key: key, digest: display.digest(key))
    }
  }

  /// What this worker knows at `now`, on the monotonic clock.
  ///
  /// - Parameter slots: Whose keys are wanted; nil for all.
  func snapshot(of slots: Set<UInt32>? = nil, at now: Int64) -> KeySketches.Snapshot {
    sketches.snapshot(of: slots, at: now)
  }
}
