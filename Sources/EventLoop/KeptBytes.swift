// KeptBytes.swift: bytes that have to wait, in memory that exists only while some do.

/// A queue of bytes: appended at the end, consumed from the front. Empty, it holds no memory.
@safe struct KeptBytes: ~Copyable {
  private var memory: UnsafeMutableRawPointer?
  private(set) var capacity = 0
  /// Where the first byte that is left lies.
  private var start = 0
  private(set) var count = 0

  /// Smallest allocation; and a bigger one shrinks when less than a quarter of it is left, down to this.
  private static let smallest = 256

  deinit {
    unsafe memory?.deallocate()
  }

  var isEmpty: Bool { count == 0 }

  /// The bytes, valid until the next change; nil where there are none.
  var bytes: UnsafeRawPointer? {
    unsafe memory.map { unsafe UnsafeRawPointer($0 + start) }
  }

  /// Adds `size` bytes from `source`, which is not part of this queue.
  mutating func append(_ source: UnsafeRawPointer, _ size: Int) {
    guard size > 0 else { return }
    if capacity - start - count < size { move(to: capacityBehind(count + size)) }
    guard let memory = unsafe memory else { preconditionFailure("`move` makes room") }
    unsafe (memory + start + count).copyMemory(from: source, byteCount: size)
    count += size
  }

  /// The memory that `total` bytes take, if they come behind those that are here, or are what is left of them.
  func capacity(for total: Int) -> Int {
    guard total > count else { return capacityLeft(total) }
    return start + total <= capacity ? capacity : capacityBehind(total)
  }

  /// Where `total` bytes do not fit behind what is here: the same is enough if at most half of it is used.
  private func capacityBehind(_ total: Int) -> Int {
    total <= capacity / 2 ? capacity : max(total, capacity * 2, Self.smallest)
  }

  /// Where `total` bytes are left.
  private func capacityLeft(_ total: Int) -> Int {
    guard total > 0 else { return 0 }
    return capacity > Self.smallest * 4 && total < capacity / 4 ? max(total, Self.smallest) : capacity
  }

  /// Drops `size` bytes from the front, at most `count`.
  mutating func consume(_ size: Int) {
    start += size
    count -= size
    let left = capacityLeft(count)
    if left == 0 {
      unsafe memory?.deallocate()
      unsafe memory = nil
      capacity = 0
      start = 0
    } else if left < capacity {
      move(to: left)
    }
  }

  /// Into a new allocation of `newCapacity`, at its front.
  private mutating func move(to newCapacity: Int) {
    let moved = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
    if let memory = unsafe memory {
      unsafe moved.copyMemory(from: memory + start, byteCount: count)
      unsafe memory.deallocate()
    }
    unsafe memory = moved
    capacity = newCapacity
    start = 0
  }
}
