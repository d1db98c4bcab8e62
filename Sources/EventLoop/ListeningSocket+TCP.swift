// ListeningSocket+TCP.swift: several sockets on one port (SO_REUSEPORT, Linux 3.9) without letting others in.
//
// SO_REUSEPORT lets every process of the same user bind a port that is in use, if both ask for it, and so hides that
// the service runs twice. The first socket therefore binds and listens without it: any other listener on the port,
// with or without SO_REUSEPORT, makes that fail. Only then is the option set on it, which Linux looks at anew for each
// further bind, and the other sockets join. Since the first already listens when the option is set, two processes that
// start at once cannot slip past each other: the second `listen` fails.

extension ListeningSocket {
  static func openTCP(_ address: SocketAddress, count: Int) throws(ListenError) -> [ListeningSocket] {
    let (first, bound) = try openFirst(address)
    guard count > 1 else { return try share(first, count: 1, at: bound, file: nil) }
    #if os(Linux)
      var sockets = [ListeningSocket(descriptor: first, boundAddress: bound, file: nil)]
      try step("setsockopt", address) { () throws(UVError) in try Platform.set(.reusePort, true, on: first) }
      while sockets.count < count { sockets.append(try join(bound)) }
      return sockets
    #else
      // Other kernels let sockets share a port but give all connections to one of them.
      return try share(first, count: count, at: bound, file: nil)
    #endif
  }

  /// Fails if anybody else listens on the port.
  private static func openFirst(_ address: SocketAddress) throws(ListenError) -> (Int32, SocketAddress) {
    try withNewSocket(address) { (descriptor) throws(ListenError) in
      try bindAndListen(descriptor, address)
      let bound = try step("getsockname", address) { () throws(UVError) in
        try Platform.localAddress(of: descriptor)
      }
      return (descriptor, bound ?? address)
    }
  }

  /// Another socket on a port that this process listens on.
  private static func join(_ address: SocketAddress) throws(ListenError) -> ListeningSocket {
    try withNewSocket(address) { (descriptor) throws(ListenError) in
      try step("setsockopt", address) { () throws(UVError) in
        try Platform.set(.reusePort, true, on: descriptor)
      }
      try bindAndListen(descriptor, address)
      return ListeningSocket(descriptor: descriptor, boundAddress: address, file: nil)
    }
  }

  private static func bindAndListen(_ descriptor: Int32, _ address: SocketAddress) throws(ListenError) {
    if case .v6(let high, let low, _) = address {
      // [::] is for everybody; another IPv6 address never gets IPv4 anyway.
      try step("setsockopt", address) { () throws(UVError) in
        try Platform.set(.onlyV6, high != 0 || low != 0, on: descriptor)
      }
    }
    try step("setsockopt", address) { () throws(UVError) in
      try Platform.limitUntaken(milliseconds: Bounds.untakenOutput, on: descriptor)
    }
    // Without SO_REUSEADDR a restart has to wait until the old connections are forgotten. Where the system chooses the
    // port it is set after that, since with it the choice may fall on a port that is bound and does not listen yet.
    let isChosen = address.port == 0
    if !isChosen { try allowReuse(descriptor, address) }
    try step("bind", address) { () throws(UVError) in try Platform.bindSocket(descriptor, to: address) }
    if isChosen { try allowReuse(descriptor, address) }
    try step("listen", address) { () throws(UVError) in
      try Platform.listenSocket(descriptor, backlog: Bounds.backlog)
    }
  }

  private static func allowReuse(_ descriptor: Int32, _ address: SocketAddress) throws(ListenError) {
    try step("setsockopt", address) { () throws(UVError) in try Platform.set(.reuseAddress, true, on: descriptor) }
  }

  /// A new descriptor for `body`, closed again if `body` fails.
  static func withNewSocket<Result>(
    _ address: SocketAddress, _ body: (Int32) throws(ListenError) -> Result
  ) throws(ListenError) -> Result {
    let descriptor = try step("socket", address) { () throws(UVError) in try Platform.openSocket(for: address) }
    do throws(ListenError) {
      return try body(descriptor)
    } catch {
      Platform.closeDescriptor(descriptor)
      throw error
    }
  }

  /// One system call, whose failure is told with its name.
  static func step<Result>(
    _ call: String, _ address: SocketAddress, _ body: () throws(UVError) -> Result
  ) throws(ListenError) -> Result {
    do throws(UVError) {
      return try body()
    } catch {
      throw ListenError(call, address, error)
    }
  }
}
