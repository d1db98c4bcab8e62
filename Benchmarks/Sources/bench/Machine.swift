// Machine.swift: the few system calls that the measuring programs need.

import Glibc

/// Ends the program with a sentence.
func stop(_ message: String) -> Never {
  let line = Array("bench: \(message)\n".utf8)
  _ = unsafe write(2, line, line.count)
  exit(1)
}

func monotonicNanoseconds() -> Int64 { nanoseconds(of: CLOCK_MONOTONIC) }

/// What this thread has had of a core: what others take from it meanwhile does not count.
func threadNanoseconds() -> Int64 { nanoseconds(of: CLOCK_THREAD_CPUTIME_ID) }

private func nanoseconds(of clock: clockid_t) -> Int64 {
  var time = timespec()
  unsafe clock_gettime(clock, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// With one decimal, without Foundation.
func decimal(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}

/// A blocking connection to `127.0.0.1:PORT`; nil where nobody listens.
func connection(to address: String) -> Int32? {
  guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
    stop("no address: \(address)")
  }
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var target = sockaddr_in()
  target.sin_family = sa_family_t(AF_INET)
  target.sin_port = port.bigEndian
  unsafe inet_pton(AF_INET, "127.0.0.1", &target.sin_addr)
  let size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = unsafe withUnsafePointer(to: &target) { pointer in
    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, size) }
  }
  if result == 0 { return descriptor }
  close(descriptor)
  return nil
}

func sendAll(_ bytes: [UInt8], to descriptor: Int32) {
  var sent = 0
  while sent < bytes.count {
    let count = unsafe bytes.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress! + sent, $0.count - sent, 0) }
    guard count > 0 else { stop("the server closed while it was asked") }
    sent += count
  }
}

/// As `recv`, again after a signal: how many bytes came, 0 at the end, negative after a failure.
func receive(_ chunk: inout [UInt8], from descriptor: Int32) -> Int {
  while true {
    let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
    if count >= 0 || errno != EINTR { return count }
  }
}

/// Small writes leave at once.
func noDelay(_ descriptor: Int32) {
  var on: Int32 = 1
  unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
}

/// A connection that must be there, and whose small writes leave at once.
func quickConnection(to address: String) -> Int32 {
  guard let descriptor = connection(to: address) else { stop("nothing listens on \(address)") }
  noDelay(descriptor)
  return descriptor
}

/// A blocking listener on `127.0.0.1:PORT`.
func listener(on address: String) -> Int32 {
  guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
    stop("no address: \(address)")
  }
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var place = sockaddr_in()
  place.sin_family = sa_family_t(AF_INET)
  place.sin_port = port.bigEndian
  unsafe inet_pton(AF_INET, "127.0.0.1", &place.sin_addr)
  let size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = unsafe withUnsafePointer(to: &place) { pointer in
    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, size) }
  }
  guard result == 0, listen(descriptor, 512) == 0 else { stop("cannot listen on \(address)") }
  return descriptor
}

/// A thread of its own for `body`, which nobody waits for.
func startThread(_ body: @escaping () -> Void) {
  final class Box {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }
  let box = unsafe Unmanaged.passRetained(Box(body))
  var thread = pthread_t()
  let result = unsafe pthread_create(
    &thread, nil,
    { context in
      // SAFETY: the pointer is the retained box of just this thread.
      if let context = unsafe context { unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
      return nil
    }, unsafe box.toOpaque())
  guard result == 0 else { stop("cannot start a thread") }
  pthread_detach(thread)
}

/// The bytes of a file.
func contents(of path: String) -> [UInt8] {
  let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { stop("cannot read \(path)") }
  defer { close(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = unsafe read(file, &chunk, chunk.count)
    guard count > 0 else { return bytes }
    bytes += chunk[..<count]
  }
}
