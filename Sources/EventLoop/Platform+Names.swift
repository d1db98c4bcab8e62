// Platform+Names.swift: names of hosts and groups, as the system knows them. These calls may block.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Platform {
  /// Why a name has no address.
  struct LookUpFailure: Error {
    let text: String
  }

  /// The addresses of `host` in the system's order.
  static func lookUp(_ host: String) -> Result<[PeerAddress], LookUpFailure> {
    var hints = unsafe addrinfo()
    #if canImport(Glibc)
      unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)  // one entry an address, not one a protocol
    #else
      unsafe hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    let result = unsafe getaddrinfo(host, nil, &hints, &list)
    guard result == 0 else { return .failure(LookUpFailure(text: unsafe String(cString: gai_strerror(result)))) }
    defer { unsafe freeaddrinfo(list) }
    var peers: [PeerAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      if let peer = unsafe peer(of: entry.pointee) { peers.append(peer) }
      unsafe next = entry.pointee.ai_next
    }
    return .success(peers)
  }

  private static func peer(of entry: addrinfo) -> PeerAddress? {
    guard let address = unsafe entry.ai_addr else { return nil }
    // SAFETY: the family says which form `ai_addr` points to.
    switch unsafe entry.ai_family {
    case AF_INET:
      let form = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
      return .v4(UInt32(bigEndian: form.sin_addr.s_addr))
    case AF_INET6:
      let (high, low) = words(of: unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self).sin6_addr)
      return .v6(high: high, low: low)
    default:
      return nil
    }
  }

  /// The number of a group that is given by name or by number; nil where there is none.
  static func groupNumber(_ name: String) -> UInt32? {
    var entry = unsafe group()
    var found: UnsafeMutablePointer<group>?
    // 64 KiB hold the longest member list that a sensible group has; a longer one counts as unknown.
    let number: UInt32? = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65_536) { buffer in
      guard unsafe getgrnam_r(name, &entry, buffer.baseAddress, buffer.count, &found) == 0 else { return nil }
      return unsafe found?.pointee.gr_gid
    }
    return number ?? UInt32(name)
  }
}
