// ResponseBuffer.swift: the bytes on their way to a peer.
//
// One block of memory that grows by doubling and is kept from one response to the next, so that a warm connection
// answers without allocating. A head whose Content-Length is known only once the body is written leaves a gap for the
// number, which closes when the number comes: the body moves by a few bytes, and no second buffer is needed.
//
// There is no upper bound here: how much may wait for a slow peer is the connection's to say.

/// Bytes to write, appended at the end and taken away from the front.
@safe public struct ResponseBuffer: ~Copyable {
  // SAFETY: `memory` is allocated with `capacity` bytes (or nil with 0), of which `start..<end` are initialised.
  private var memory: UnsafeMutablePointer<UInt8>?
  public private(set) var capacity = 0
  private var start = 0
  private var end = 0

  /// Allocates nothing until the first byte.
  public init() {
    unsafe memory = nil
  }

  deinit {
    unsafe memory?.deallocate()
  }

  public var count: Int { end - start }
  public var isEmpty: Bool { start == end }

  /// Lends the bytes, oldest first.
  public func withBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let memory = unsafe memory else { return try body(Span()) }
    // SAFETY: these bytes are initialised, and nothing can change the buffer while it is borrowed.
    let bytes = unsafe UnsafeBufferPointer(start: memory + start, count: count)
    return try unsafe body(bytes.span)
  }

  /// Empties the buffer. The memory stays for the next response, unless an unusually large one made it grow.
  public mutating func removeAll() {
    start = 0
    end = 0
    guard capacity > HTTP1Bounds.responseKept else { return }
    unsafe memory?.deallocate()
    unsafe memory = nil
    capacity = 0
  }

  /// Takes away the first `count` bytes: those that were written.
  ///
  /// - Precondition: There are as many.
  public mutating func removeFirst(_ count: Int) {
    precondition(count >= 0 && count <= self.count, "more bytes removed than the buffer holds")
    start += count
    if isEmpty { removeAll() }
  }

  /// Takes back the last `count` bytes.
  ///
  /// - Precondition: There are as many.
  public mutating func removeLast(_ count: Int) {
    precondition(count >= 0 && count <= self.count, "more bytes removed than the buffer holds")
    end -= count
  }

  // MARK: Appending

  public mutating func append(_ text: StaticString) {
    // SAFETY: a static string that is no single scalar has a pointer; its bytes live as long as the process.
    unsafe append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  public mutating func append(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { source in unsafe append(source) }
  }

  /// Appends the UTF-8 of `text`.
  public mutating func append(_ text: String) {
    append(text.utf8.span)
  }

  public mutating func append(byte: UInt8) {
    reserve(1)
    // SAFETY: `reserve` made room for it.
    unsafe memory.unsafelyUnwrapped[end] = byte
    end += 1
  }

  /// Appends `decimal` in digits, after `-` where it is negative.
  public mutating func append(decimal: Int64) {
    if decimal < 0 { append(byte: UInt8(ascii: "-")) }
    let width = Self.digits(in: decimal.magnitude)
    reserve(width)
    end += width
    write(decimal.magnitude, before: end)
  }

  private mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
    guard let base = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    // SAFETY: there is room, and no caller can hold a view into this buffer while it appends to it.
    unsafe (memory.unsafelyUnwrapped + end).initialize(from: base, count: source.count)
    end += source.count
  }

  // MARK: A length that is known later

  /// A gap for one number in the bytes of one buffer.
  public struct Gap: ~Copyable, Sendable {
    fileprivate let position: Int
    fileprivate let width: Int
  }

  /// Leaves a gap for a number of up to `width` digits. `close` must follow, before any byte is removed or sent.
  public mutating func openGap(width: Int = 10) -> Gap {
    precondition(width >= 1 && width <= 20, "a gap holds 1 to 20 digits")
    reserve(width)
    // SAFETY: there is room for `width` bytes.
    unsafe (memory.unsafelyUnwrapped + end).initialize(repeating: UInt8(ascii: "0"), count: width)
    end += width
    return Gap(position: count - width, width: width)
  }

  /// Writes `number` into the gap, and moves what follows up to its last digit.
  ///
  /// - Precondition: `number` is not negative and has no more digits than the gap is wide.
  public mutating func close(_ gap: consuming Gap, with number: Int) {
    let digits = Self.digits(in: UInt64(number.magnitude))
    precondition(number >= 0 && digits <= gap.width, "the number does not fit its gap")
    precondition(gap.position + gap.width <= count, "the gap is not in this buffer any more")
    let place = start + gap.position
    write(UInt64(number.magnitude), before: place + digits)
    let tail = place + gap.width
    // SAFETY: both places lie in `start..<end`; `update` allows them to overlap.
    unsafe (memory.unsafelyUnwrapped + place + digits).update(from: memory.unsafelyUnwrapped + tail, count: end - tail)
    end -= gap.width - digits
  }

  // MARK: Memory

  /// Makes room for `count` more bytes. A new block holds at least 1 KiB, enough for an answer with its headers.
  private mutating func reserve(_ count: Int) {
    if count > capacity - end { grow(by: count) }
  }

  /// Moves the bytes to the front where that frees half the block or more, so that each byte pays for one move; else
  /// to a block twice as large or larger.
  @inline(never)
  private mutating func grow(by count: Int) {
    let held = self.count
    let needed = held + count
    if let memory = unsafe memory, needed <= capacity / 2 {
      // SAFETY: both places lie in the block; `update` allows them to overlap.
      unsafe memory.update(from: memory + start, count: held)
    } else {
      var size = max(capacity, 512)
      repeat { size *= 2 } while size < needed
      // SAFETY: the new block is at least `needed` long; the old bytes are moved before their block is freed.
      let block = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
      if let memory = unsafe memory {
        unsafe block.moveInitialize(from: memory + start, count: held)
        unsafe memory.deallocate()
      }
      unsafe memory = block
      capacity = size
    }
    start = 0
    end = held
  }

  /// Writes the digits of `number` so that the last one stands before `place`.
  private mutating func write(_ number: UInt64, before place: Int) {
    var rest = number
    var index = place
    repeat {
      index -= 1
      // SAFETY: callers reserved as many bytes before `place` as the number has digits.
      unsafe memory.unsafelyUnwrapped[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
  }

  private static func digits(in number: UInt64) -> Int {
    var count = 1
    var rest = number / 10
    while rest > 0 {
      count += 1
      rest /= 10
    }
    return count
  }
}
