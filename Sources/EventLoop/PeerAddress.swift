// PeerAddress.swift: who is at the other end of a stream, as numbers that can be compared with networks.

/// The address of a peer, without its port.
public enum PeerAddress: Sendable, Hashable {
  /// Somebody on this machine, through a Unix socket.
  case unix
  /// The four bytes of an IPv4 address, first byte highest; an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) too.
  case v4(UInt32)
  /// The sixteen bytes of an IPv6 address, first byte highest.
  case v6(high: UInt64, low: UInt64)
}

extension PeerAddress: CustomStringConvertible {
  /// `127.0.0.1`, `2001:db8::1`, `unix:`.
  public var description: String {
    switch self {
    case .unix: "unix:"
    case .v4(let bits): SocketAddress.text(v4: bits)
    case .v6(let high, let low): SocketAddress.text(high: high, low: low)
    }
  }
}
