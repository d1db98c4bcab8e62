// Platform+Sockets.swift: sockets as descriptors, and socket addresses to and from C's.

import CUV

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Platform {
  static let familyV4 = AF_INET
  static let familyV6 = AF_INET6

  #if canImport(Glibc)
    private static let streamType = Int32(SOCK_STREAM.rawValue)
  #else
    private static let streamType = SOCK_STREAM
  #endif
  private static let tcp = Int32(IPPROTO_TCP)
  private static let ipv6 = Int32(IPPROTO_IPV6)

  /// Options that are on or off.
  enum Flag {
    case reuseAddress, reusePort, onlyV6, noDelay
  }

  /// A stream socket that does not block and is not inherited.
  static func openSocket(for address: SocketAddress) throws(UVError) -> Int32 {
    let family =
      switch address {
      case .v4: AF_INET
      case .v6: AF_INET6
      case .unix: AF_UNIX
      }
    let descriptor = socket(family, streamType, 0)
    guard descriptor >= 0 else { throw lastError }
    prepare(descriptor)
    return descriptor
  }

  static func set(_ flag: Flag, _ value: Bool, on descriptor: Int32) throws(UVError) {
    let (level, name) =
      switch flag {
      case .reuseAddress: (SOL_SOCKET, SO_REUSEADDR)
      case .reusePort: (SOL_SOCKET, SO_REUSEPORT)
      case .onlyV6: (ipv6, IPV6_V6ONLY)
      case .noDelay: (tcp, TCP_NODELAY)
      }
    var number: Int32 = value ? 1 : 0
    if unsafe setsockopt(descriptor, level, name, &number, socklen_t(MemoryLayout<Int32>.size)) != 0 { throw lastError }
  }

  /// Lets the system end a connection with `ETIMEDOUT` whose peer has taken nothing of what waits for it for this long,
  /// be it that it does not read or that it is gone. On a listening socket it holds for those accepted. Linux only;
  /// elsewhere nothing.
  static func limitUntaken(milliseconds: Int32, on descriptor: Int32) throws(UVError) {
    #if os(Linux)
      var number = milliseconds
      let size = socklen_t(MemoryLayout<Int32>.size)
      if unsafe setsockopt(descriptor, tcp, TCP_USER_TIMEOUT, &number, size) != 0 { throw lastError }
    #endif
  }

  /// Gives the kernel what it takes of `bytes` just now: 0 where the socket has no room.
  static func sendBytes(_ bytes: UnsafeRawPointer, _ count: Int, to descriptor: Int32) -> Result<Int, UVError> {
    while true {
      let sent = unsafe send(descriptor, bytes, count, 0)
      if sent >= 0 { return .success(sent) }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .success(0)
      default: return .failure(lastError)
      }
    }
  }

  static func bindSocket(_ descriptor: Int32, to address: SocketAddress) throws(UVError) {
    let result = unsafe withAddress(address) { unsafe bind(descriptor, $0, $1) }
    if result != 0 { throw lastError }
  }

  static func listenSocket(_ descriptor: Int32, backlog: Int32) throws(UVError) {
    if listen(descriptor, backlog) != 0 { throw lastError }
  }

  /// Whether somebody answers at `address` right now; never waits.
  static func connectSocket(_ descriptor: Int32, to address: SocketAddress) throws(UVError) {
    let result = unsafe withAddress(address) { unsafe connect(descriptor, $0, $1) }
    if result != 0 { throw lastError }
  }

  /// Another descriptor for the same socket, not inherited.
  static func duplicate(_ descriptor: Int32) throws(UVError) -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw lastError }
    return copy
  }

  static func closeDescriptor(_ descriptor: Int32) {
    close(descriptor)
  }

  /// Where a TCP socket is bound.
  static func localAddress(of descriptor: Int32) throws(UVError) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = unsafe withUnsafeMutablePointer(to: &storage) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(descriptor, $0, &length) }
    }
    guard result == 0 else { throw lastError }
    return address(from: storage)
  }

  /// What one call of `accept` gave.
  enum Acceptance {
    case connection(descriptor: Int32, peer: PeerAddress)
    /// Nobody waits.
    case none
    /// This one failed; the next may not.
    case skipped
    case failed(UVError)
  }

  /// Takes one connection that waits, without blocking: a socket that does not block and is not inherited.
  static func acceptConnection(_ descriptor: Int32) -> Acceptance {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let accepted = unsafe withUnsafeMutablePointer(to: &storage) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        #if os(Linux)
          unsafe accept4(descriptor, address, &length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
        #else
          unsafe accept(descriptor, address, &length)
        #endif
      }
    }
    guard accepted >= 0 else {
      switch errno {
      case EAGAIN, EWOULDBLOCK: return .none
      // The peer left while it waited, or (accept(2)) its network reported an error meanwhile.
      case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH:
        return .skipped
      default: return .failed(lastError)
      }
    }
    #if !os(Linux)
      prepare(accepted)
    #endif
    return .connection(descriptor: accepted, peer: address(from: storage)?.peer ?? .unix)
  }

  /// Whether this machine can bind IPv6 sockets.
  static var hasIPv6: Bool {
    let any = SocketAddress.v6(high: 0, low: 0, port: 0)
    do throws(UVError) {
      let descriptor = try openSocket(for: any)
      defer { close(descriptor) }
      try bindSocket(descriptor, to: any)
      return true
    } catch {
      return false
    }
  }

  /// Calls `body` with the C form of `address`.
  static func withAddress<Result>(
    _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    switch address {
    case .v4(let bits, let port):
      var form = sockaddr_in()
      form.sin_family = sa_family_t(AF_INET)
      form.sin_port = port.bigEndian
      form.sin_addr.s_addr = bits.bigEndian
      return unsafe lend(&form, body)
    case .v6(let high, let low, let port):
      var form = sockaddr_in6()
      form.sin6_family = sa_family_t(AF_INET6)
      form.sin6_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &form.sin6_addr) {
        unsafe $0.storeBytes(of: high.bigEndian, as: UInt64.self)
        unsafe $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      return unsafe lend(&form, body)
    case .unix(let path):
      var form = sockaddr_un()
      form.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &form.sun_path) {
        // One byte stays NUL; longer paths were refused when the address was read.
        unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
      }
      return unsafe lend(&form, body)
    }
  }

  private static func lend<Form, Result>(
    _ form: inout Form, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    // SAFETY: every socket address begins like `sockaddr`; the length says how much of it there is.
    unsafe withUnsafeBytes(of: &form) {
      guard let base = $0.baseAddress else { preconditionFailure("a socket address has bytes") }
      return unsafe body(base.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
  }

  private static func address(from storage: sockaddr_storage) -> SocketAddress? {
    unsafe withUnsafeBytes(of: storage) { bytes in
      switch Int32(storage.ss_family) {
      case AF_INET:
        let form = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
        return .v4(UInt32(bigEndian: form.sin_addr.s_addr), port: UInt16(bigEndian: form.sin_port))
      case AF_INET6:
        let form = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
        let (high, low) = words(of: form.sin6_addr)
        return .v6(high: high, low: low, port: UInt16(bigEndian: form.sin6_port))
      default:
        return nil
      }
    }
  }

  static func words(of address: in6_addr) -> (high: UInt64, low: UInt64) {
    unsafe withUnsafeBytes(of: address) {
      (
        UInt64(bigEndian: unsafe $0.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: unsafe $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  /// Never blocks, is not inherited. Neither call fails on a descriptor that was just opened.
  private static func prepare(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }
}
