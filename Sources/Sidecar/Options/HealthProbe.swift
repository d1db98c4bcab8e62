// HealthProbe.swift: asks a running weir whether it is healthy, over one blocking connection, for `weir health`.
//
// Every wait ends at one deadline. The socket does not block: connecting, sending and receiving wait in poll(2) for
// what is left of the time. Only the name of a host may take longer, since getaddrinfo(3) takes no time-out.

import Glibc

/// One question to a running weir.
public struct HealthProbe {
  /// - Parameters:
  ///   - address: Where to ask. Of a name's addresses the first IPv4 one is taken, else the first, as the server does
  ///     where it listens.
  ///   - timeout: Nanoseconds for everything but the resolution of a name.
  public static func ask(_ address: ListenAddress, timeout: Int64) -> HealthAnswer {
    do throws(Failure) {
      let probe = HealthProbe(deadline: now() + timeout)
      let socket = try probe.connect(to: address)
      defer { close(socket) }
      try probe.send(HealthAnswer.request(to: address), on: socket)
      return HealthAnswer(try probe.receive(from: socket))
    } catch {
      return .unhealthy(error.reason)
    }
  }

  private struct Failure: Error {
    var reason: String

    init(_ reason: String) {
      self.reason = reason
    }

    /// With the text of `errno`, which must be fresh.
    init(_ what: String, errno code: Int32) {
      reason = "\(what): \(unsafe String(cString: strerror(code)))"
    }
  }

  /// Nanoseconds on the monotonic clock.
  private let deadline: Int64
  /// Microseconds.
  private static let backlogPause: UInt32 = 10_000

  private static func now() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  private func connect(to address: ListenAddress) throws(Failure) -> Int32 {
    switch address.place {
    case .tcp(let host, let port): try connectTCP(host, port)
    case .unix(let path, _, _): try connectUnix(path)
    }
  }

  private func connectTCP(_ host: String, _ port: UInt16) throws(Failure) -> Int32 {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, String(port), &hints, &list)
    // SAFETY: on success the list has at least one entry and lives until it is freed here.
    guard code == 0, let first = unsafe list else {
      throw Failure("cannot resolve \(host): \(unsafe String(cString: gai_strerror(code)))")
    }
    defer { unsafe freeaddrinfo(first) }
    var chosen = unsafe first
    var entry = unsafe list
    while let candidate = unsafe entry, unsafe chosen.pointee.ai_family != AF_INET {
      if unsafe candidate.pointee.ai_family == AF_INET { unsafe chosen = candidate }
      unsafe entry = candidate.pointee.ai_next
    }
    return try unsafe connect(chosen.pointee.ai_family, chosen.pointee.ai_addr, chosen.pointee.ai_addrlen)
  }

  private func connectUnix(_ path: String) throws(Failure) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // SAFETY: a `ListenAddress` has a path that fits with its NUL; the rest of the field is zero.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in
      for (index, byte) in path.utf8.prefix(field.count - 1).enumerated() { unsafe field[index] = byte }
    }
    // SAFETY: a `sockaddr_un` is passed as the generic address that it begins with, with its own length.
    return try unsafe withUnsafePointer(to: &address) { pointer throws(Failure) in
      try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic throws(Failure) in
        try unsafe connect(AF_UNIX, generic, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private func connect(_ family: Int32, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t) throws(Failure)
    -> Int32
  {
    let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(family, flags, 0)
    guard descriptor >= 0 else { throw Failure("cannot make a socket", errno: errno) }
    do throws(Failure) {
      var result = unsafe Glibc.connect(descriptor, address, length)
      // A Unix socket whose backlog is full: nothing says when it has room again, so it is asked anew.
      while result != 0, errno == EAGAIN {
        guard Self.now() < deadline else { throw Failure("did not accept the connection in time") }
        usleep(Self.backlogPause)
        result = unsafe Glibc.connect(descriptor, address, length)
      }
      if result != 0 {
        guard errno == EINPROGRESS || errno == EINTR else { throw Failure("cannot connect", errno: errno) }
        try wait(for: POLLOUT, on: descriptor, "did not accept the connection")
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        guard code == 0 else { throw Failure("cannot connect", errno: code) }
      }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  private func send(_ bytes: [UInt8], on socket: Int32) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if sent >= 0 {
        rest = rest.dropFirst(sent)
      } else if errno == EAGAIN {
        try wait(for: POLLOUT, on: socket, "did not read the request")
      } else if errno != EINTR {
        throw Failure("cannot send", errno: errno)
      }
    }
  }

  /// All that comes until the server closes, or `HealthAnswer.longest` bytes.
  private func receive(from socket: Int32) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < HealthAnswer.longest {
      let received = unsafe chunk.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, $0.count, 0) }
      if received > 0 {
        bytes += chunk[..<received]
      } else if received == 0 {
        break
      } else if errno == EAGAIN {
        try wait(for: POLLIN, on: socket, "did not answer")
      } else if errno != EINTR {
        throw Failure("cannot receive", errno: errno)
      }
    }
    return bytes
  }

  /// Waits until the socket is ready, at most until the deadline.
  private func wait(for event: Int32, on socket: Int32, _ complaint: String) throws(Failure) {
    while true {
      let left = deadline - Self.now()
      guard left > 0 else { throw Failure("\(complaint) in time") }
      var poller = pollfd(fd: socket, events: Int16(event), revents: 0)
      let ready = unsafe poll(&poller, 1, Int32(min(left / 1_000_000 + 1, 60_000)))
      if ready > 0 { return }
      guard ready == 0 || errno == EINTR else { throw Failure("cannot wait", errno: errno) }
    }
  }
}
