// Log.swift: what a sliding log remembers: who spent how much when, oldest first.
//
// A singly linked list of chunks: 2, 4, 8, then always 16 entries. So a log of one entry is small, growth never copies
// what is already there (a ring that doubles at 10^5 entries would pause every check of its shard), and a walk skips a
// whole chunk by its sum. Entries at one instant are merged. Instants never fall from one entry to the next.

/// The admissions that one key remembers. Not thread-safe: whoever owns it guards it.
@safe public final class Log {
  struct Entry {
    var instant: Int64
    var cost: Int64
  }

  /// Stands before its entries, in one allocation. Entries are `first..<end`; a chunk in the list has at least one.
  @safe struct Chunk {
    var next: UnsafeMutablePointer<Chunk>?
    var cost: Int64
    var first: UInt16
    var end: UInt16
    var capacity: UInt16
  }

  /// Entries remembered.
  public private(set) var count = 0
  /// The costs of all entries, in force or not.
  public private(set) var sum: Int64 = 0
  /// The instant of the newest entry; 0 when there is none.
  public private(set) var newest: Int64 = 0
  /// Bytes allocated, this object included.
  public private(set) var bytes = Log.ownBytes

  private var head: UnsafeMutablePointer<Chunk>?
  private var tail: UnsafeMutablePointer<Chunk>?

  /// The object with its allocator's header.
  static let ownBytes = 80
  static let largestChunk = 16

  public init() {
    unsafe head = nil
    unsafe tail = nil
  }

  deinit {
    while unsafe head != nil { removeFirstChunk() }
  }

  /// Remembers `cost` (above 0) at `instant`, which is not before `newest`.
  func append(_ cost: Int64, at instant: Int64) {
    sum = Exact.sum(sum, cost)
    if count > 0, instant == newest, let tail = unsafe tail {
      unsafe Self.entries(of: tail)[Int(tail.pointee.end) - 1].cost += cost
      unsafe tail.pointee.cost += cost
      return
    }
    let chunk = unsafe tailWithRoom()
    unsafe (Self.entries(of: chunk) + Int(chunk.pointee.end)).initialize(to: Entry(instant: instant, cost: cost))
    unsafe chunk.pointee.end += 1
    unsafe chunk.pointee.cost += cost
    count += 1
    newest = instant
  }

  /// Forgets the entries at or before `horizon`.
  func trim(through horizon: Int64) {
    while let chunk = unsafe head {
      let entries = unsafe Self.entries(of: chunk)
      if unsafe entries[Int(chunk.pointee.end) - 1].instant <= horizon {
        removeFirstChunk()
        continue
      }
      while unsafe entries[Int(chunk.pointee.first)].instant <= horizon {
        let cost = unsafe entries[Int(chunk.pointee.first)].cost
        unsafe chunk.pointee.cost -= cost
        sum -= cost
        unsafe chunk.pointee.first += 1
        count -= 1
      }
      return
    }
    newest = 0
  }

  /// Takes `cost` back from the entry at `instant`; nothing if there is none. The entry goes when nothing is left.
  func retract(_ cost: Int64, at instant: Int64) {
    // Nearly always it is the newest entry, in the last chunk, and that chunk remains: no walk from the front then.
    if let last = unsafe tail, unsafe last.pointee.end - last.pointee.first > 1,
      unsafe Self.entries(of: last)[Int(last.pointee.first)].instant <= instant
    {
      return unsafe retract(cost, at: instant, from: last, before: nil)
    }
    var before: UnsafeMutablePointer<Chunk>?
    var cursor = unsafe head
    while let chunk = unsafe cursor {
      guard unsafe Self.entries(of: chunk)[Int(chunk.pointee.end) - 1].instant < instant else {
        return unsafe retract(cost, at: instant, from: chunk, before: before)
      }
      unsafe before = unsafe chunk
      unsafe cursor = unsafe chunk.pointee.next
    }
  }

  /// `before` may be nil where `chunk` has more than one entry.
  private func retract(
    _ cost: Int64, at instant: Int64, from chunk: UnsafeMutablePointer<Chunk>, before: UnsafeMutablePointer<Chunk>?
  ) {
    let entries = unsafe Self.entries(of: chunk)
    guard
      let index = unsafe (chunk.pointee.first..<chunk.pointee.end).first(where: { index in
        unsafe entries[Int(index)].instant == instant
      })
    else { return }
    let taken = unsafe min(cost, entries[Int(index)].cost)
    unsafe entries[Int(index)].cost -= taken
    unsafe chunk.pointee.cost -= taken
    sum -= taken
    if unsafe entries[Int(index)].cost == 0 { unsafe remove(index, of: chunk, before: before) }
  }

  /// Forgets all entries, then remembers `cost` at `instant`, if above 0.
  func collapse(to cost: Int64, at instant: Int64) {
    while unsafe head != nil { removeFirstChunk() }
    newest = 0
    if cost > 0 { append(cost, at: instant) }
  }

  /// The costs of the entries after `horizon`.
  func sum(after horizon: Int64) -> Int64 {
    if count == 0 || newest <= horizon { return 0 }
    var past: Int64 = 0
    var cursor = unsafe head
    while let chunk = unsafe cursor {
      let entries = unsafe Self.entries(of: chunk)
      guard unsafe entries[Int(chunk.pointee.end) - 1].instant > horizon else {
        past += unsafe chunk.pointee.cost
        unsafe cursor = unsafe chunk.pointee.next
        continue
      }
      var index = unsafe Int(chunk.pointee.first)
      while unsafe entries[index].instant <= horizon {
        past += unsafe entries[index].cost
        index += 1
      }
      break
    }
    return sum - past
  }

  /// The instant of the entry with whose leaving, oldest first, at least `units` (1 or more, at most `sum`) have left.
  func instant(whenLeft units: Int64) -> Int64 {
    var left: Int64 = 0
    var cursor = unsafe head
    while let chunk = unsafe cursor {
      if unsafe left + chunk.pointee.cost < units {
        left += unsafe chunk.pointee.cost
        unsafe cursor = unsafe chunk.pointee.next
        continue
      }
      let entries = unsafe Self.entries(of: chunk)
      for index in unsafe chunk.pointee.first..<chunk.pointee.end {
        left += unsafe entries[Int(index)].cost
        if left >= units { return unsafe entries[Int(index)].instant }
      }
      break
    }
    return newest
  }

  // MARK: Chunks

  /// SAFETY: every chunk is allocated with room for `capacity` entries right behind it; `Chunk` and `Entry` are both
  /// aligned to 8 bytes and trivial, so neither needs to be deinitialised.
  private static func entries(of chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutablePointer<Entry> {
    unsafe UnsafeMutableRawPointer(chunk + 1).assumingMemoryBound(to: Entry.self)
  }

  private static func bytes(forCapacity capacity: Int) -> Int {
    MemoryLayout<Chunk>.stride + capacity * MemoryLayout<Entry>.stride
  }

  private func tailWithRoom() -> UnsafeMutablePointer<Chunk> {
    let last = unsafe tail
    if let last = unsafe last, unsafe last.pointee.end < last.pointee.capacity { return unsafe last }
    let capacity = unsafe last.map { unsafe min(Self.largestChunk, 2 * Int($0.pointee.capacity)) } ?? 2
    let size = Self.bytes(forCapacity: capacity)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<Chunk>.alignment)
    let chunk = unsafe memory.bindMemory(to: Chunk.self, capacity: 1)
    unsafe chunk.initialize(to: Chunk(next: nil, cost: 0, first: 0, end: 0, capacity: UInt16(capacity)))
    bytes += size
    if let last = unsafe last { unsafe last.pointee.next = unsafe chunk } else { unsafe head = unsafe chunk }
    unsafe tail = unsafe chunk
    return unsafe chunk
  }

  private func removeFirstChunk() {
    guard let chunk = unsafe head else { return }
    unsafe head = unsafe chunk.pointee.next
    if unsafe head == nil { unsafe tail = nil }
    unsafe forget(chunk)
  }

  /// Frees a chunk that no longer stands in the list, with what it still holds.
  private func forget(_ chunk: UnsafeMutablePointer<Chunk>) {
    count -= unsafe Int(chunk.pointee.end - chunk.pointee.first)
    sum -= unsafe chunk.pointee.cost
    bytes -= unsafe Self.bytes(forCapacity: Int(chunk.pointee.capacity))
    unsafe UnsafeMutableRawPointer(chunk).deallocate()
  }

  /// Removes one entry of `chunk`, whose predecessor is `before`.
  private func remove(
    _ index: UInt16, of chunk: UnsafeMutablePointer<Chunk>, before: UnsafeMutablePointer<Chunk>?
  ) {
    let entries = unsafe Self.entries(of: chunk)
    for place in unsafe index..<(chunk.pointee.end - 1) {
      unsafe entries[Int(place)] = unsafe entries[Int(place) + 1]
    }
    unsafe chunk.pointee.end -= 1
    count -= 1
    if unsafe chunk.pointee.first == chunk.pointee.end {
      let next = unsafe chunk.pointee.next
      if let before = unsafe before { unsafe before.pointee.next = unsafe next } else { unsafe head = unsafe next }
      if unsafe tail == chunk { unsafe tail = unsafe before }
      unsafe forget(chunk)
    }
    newest = unsafe tail.map { unsafe Self.entries(of: $0)[Int($0.pointee.end) - 1].instant } ?? 0
  }
}
