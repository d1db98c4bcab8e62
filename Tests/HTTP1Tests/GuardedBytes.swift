// GuardedBytes.swift: bytes laid against a page that may not be touched, so that reading one too far crashes the test.

import Glibc

/// Room for up to `capacity` bytes, the last of which is the last before a forbidden page.
@safe final class GuardedBytes {
  private let pages: UnsafeMutableRawPointer
  private let size: Int
  private let page = 4096

  init(capacity: Int) {
    size = (capacity + page - 1) / page * page
    let none = MAP_PRIVATE | MAP_ANONYMOUS
    unsafe pages = mmap(nil, size + page, PROT_READ | PROT_WRITE, none, -1, 0)
    precondition(unsafe pages != MAP_FAILED, "mmap failed")
    precondition(unsafe mprotect(pages + size, page, PROT_NONE) == 0, "mprotect failed")
  }

  deinit {
    unsafe munmap(pages, size + page)
  }

  /// Lends a copy of `bytes` that ends at the forbidden page.
  func lend<Result>(_ bytes: some Collection<UInt8>, _ body: (Span<UInt8>) -> Result) -> Result {
    precondition(bytes.count <= size, "too many bytes for this room")
    let room = unsafe UnsafeMutableRawBufferPointer(start: pages + (size - bytes.count), count: bytes.count)
    unsafe room.copyBytes(from: bytes)
    return unsafe body(room.assumingMemoryBound(to: UInt8.self).span)
  }
}
