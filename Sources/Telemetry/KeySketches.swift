// KeySketches.swift: the heaviest keys of each policy over the last minutes, as one worker saw them.
//
// A policy that is asked takes a seat: two sketches, of the keys it let through and of those it denied, and the same
// two for the generation before. Generations begin at multiples of 2.5 minutes of the clock that `now` is read from,
// so that all workers change at one time, and the first record after it does the change: there is no timer. A seat is
// free again once its policy was not asked for two generations.
//
// There are `Bounds.sketchedPolicies` seats. A policy that finds none is not followed: its records are only counted.

/// The sketches of one worker. Only its thread may use them; what it shows others is a `Snapshot`.
@safe public final class KeySketches {
  /// What a policy did with a key.
  public enum Outcome: Sendable {
    case allowed, denied
  }

  private struct Seat: ~Copyable {
    /// Whose seat it is; nobody's where it is free.
    var slot = 0
    var allowed = KeySketch()
    var denied = KeySketch()
    var allowedBefore = KeySketch()
    var deniedBefore = KeySketch()

    var isEmpty: Bool {
      allowed.total == 0 && denied.total == 0 && allowedBefore.total == 0 && deniedBefore.total == 0
    }

    /// The next generation begins.
    mutating func turn() {
      swap(&allowed, &allowedBefore)
      swap(&denied, &deniedBefore)
      allowed.removeAll()
      denied.removeAll()
    }
  }

  /// How many policies are followed at a time.
  public static let maximumPolicies = Bounds.sketchedPolicies
  /// What the sketches of one policy take at most.
  public static let bytesPerPolicy = 4 * KeySketch.bytes

  // SAFETY: nil, or `maximumPolicies` initialised seats that only this object knows.
  private var seats: UnsafeMutablePointer<Seat>?
  /// The seat of each slot, or `noSeat`.
  private var places: [Int16] = []
  private var free: [Int16] = []
  private var untracked: UInt64 = 0
  private var untrackedBefore: UInt64 = 0
  private var generation: Int64
  /// The first instant of the next generation.
  private var end: Int64
  private let start: Int64

  private static let noSeat: Int16 = -1

  /// - Parameter now: On the clock of all later `now`s, which never steps back.
  public init(now: Int64) {
    unsafe seats = nil
    start = now
    generation = now / Bounds.sketchGeneration
    end = (generation + 1) * Bounds.sketchGeneration
  }

  deinit {
    unsafe seats?.deinitialize(count: Bounds.sketchedPolicies)
    unsafe seats?.deallocate()
  }

  /// Makes room to find slots 0 ..< `slots`. Records of others are counted as untracked.
  public func reserve(slots: Int) {
    if slots > places.count { places += repeatElement(Self.noSeat, count: slots - places.count) }
    guard unsafe seats == nil, slots > 0 else { return }
    let seats = UnsafeMutablePointer<Seat>.allocate(capacity: Bounds.sketchedPolicies)
    for place in 0..<Bounds.sketchedPolicies { unsafe (seats + place).initialize(to: Seat()) }
    unsafe self.seats = unsafe seats
    free = (0..<Int16(Bounds.sketchedPolicies)).reversed()
  }

  // MARK: Recording

  /// Records a key of the policy at `slot`. False where `insert` must follow, since the key has no counter.
  ///
  /// - Parameters:
  ///   - hash: Of the whole key; see `KeySketch`.
  public func count(_ outcome: Outcome, slot: Int, hash: UInt64, now: Int64) -> Bool {
    if now >= end { turn(at: now) }
    guard let seat = unsafe seat(of: slot) else {
      untracked += 1
      return true
    }
    return switch outcome {
    case .allowed: unsafe seat.pointee.allowed.count(hash)
    case .denied: unsafe seat.pointee.denied.count(hash)
    }
  }

  /// Records a key to which `count` has just said false. Allocates only at a policy's first keys.
  public func insert(
    _ outcome: Outcome, slot: Int, hash: UInt64, key: Span<UInt8>,
    digest: KeySketch.Digest = KeySketch.Digest(high: 0, low: 0)
  ) {
    guard let seat = unsafe seat(of: slot) else { return }
    switch outcome {
    case .allowed: unsafe seat.pointee.allowed.insert(hash, key: key, digest: digest)
    case .denied: unsafe seat.pointee.denied.insert(hash, key: key, digest: digest)
    }
  }

  /// Whether a key of so many bytes is kept whole.
  public static func keepsWhole(_ count: Int) -> Bool { count <= Bounds.sketchKey }

  private func seat(of slot: Int) -> UnsafeMutablePointer<Seat>? {
    guard slot >= 0, slot < places.count, let seats = unsafe seats else { return nil }
    let place = places[slot]
    if place != Self.noSeat { return unsafe seats + Int(place) }
    guard let place = free.popLast() else { return nil }
    places[slot] = place
    unsafe seats[Int(place)].slot = slot
    return unsafe seats + Int(place)
  }

  /// Takes all seats to the generation of `now`.
  private func turn(at now: Int64) {
    let next = now / Bounds.sketchGeneration
    // After a longer silence the generation before is empty too.
    for _ in 0..<min(2, next - generation) {
      untrackedBefore = untracked
      untracked = 0
      unsafe forEachSeat { unsafe $0.pointee.turn() }
    }
    generation = next
    end = (next + 1) * Bounds.sketchGeneration
    unsafe forEachSeat { seat in
      guard unsafe seat.pointee.isEmpty, let seats = unsafe seats else { return }
      unsafe places[seat.pointee.slot] = Self.noSeat
      unsafe free.append(Int16(seat - seats))
    }
  }

  /// Calls `body` with every seat that is taken.
  private func forEachSeat(_ body: (UnsafeMutablePointer<Seat>) -> Void) {
    guard let seats = unsafe seats else { return }
    for slot in places.indices where places[slot] != Self.noSeat { unsafe body(seats + Int(places[slot])) }
  }

  // MARK: Reading

  /// What this worker knows at `now`. On its own thread.
  ///
  /// - Parameter slots: Whose keys are wanted; all where it is nil.
  public func snapshot(of slots: Set<UInt32>? = nil, at now: Int64) -> Snapshot {
    if now >= end { turn(at: now) }
    var snapshot = Snapshot(
      since: max(start, (generation - 1) * Bounds.sketchGeneration), untracked: untracked + untrackedBefore)
    unsafe forEachSeat { seat in
      let slot = unsafe UInt32(truncatingIfNeeded: seat.pointee.slot)
      guard slots?.contains(slot) ?? true else { return }
      unsafe snapshot.policies.append(
        Snapshot.Policy(
          slot: slot, allowed: [seat.pointee.allowed.snapshot(), seat.pointee.allowedBefore.snapshot()],
          denied: [seat.pointee.denied.snapshot(), seat.pointee.deniedBefore.snapshot()]))
    }
    return snapshot
  }

  /// What one worker saw in the last two generations.
  public struct Snapshot: Sendable {
    public struct Policy: Sendable {
      public var slot: UInt32
      /// A sketch a generation.
      public var allowed: [KeySketch.Snapshot]
      public var denied: [KeySketch.Snapshot]
    }

    /// From when on, on the clock of `now`.
    public var since: Int64
    /// Records of policies that found no seat.
    public var untracked: UInt64
    public var policies: [Policy] = []

    public init(since: Int64, untracked: UInt64) {
      self.since = since
      self.untracked = untracked
    }
  }
}
