// SocketAddress.swift: where a socket listens or connects to.

/// An address of a socket.
public enum SocketAddress: Sendable, Hashable {
  /// The four bytes of an IPv4 address, first byte highest; 0 is all interfaces.
  case v4(UInt32, port: UInt16)
  /// The sixteen bytes of an IPv6 address, first byte highest. All zero is all interfaces, IPv4 included.
  case v6(high: UInt64, low: UInt64, port: UInt16)
  /// The path of a Unix socket.
  case unix(path: String)

  /// The port; nil for a Unix socket.
  public var port: UInt16? {
    switch self {
    case .v4(_, let port), .v6(_, _, let port): port
    case .unix: nil
    }
  }

  /// Whether only this machine can reach it: 127.0.0.0/8, ::1, and every Unix socket.
  public var isLoopback: Bool {
    switch self {
    case .v4(let bits, _): bits >> 24 == 127
    case .v6(let high, let low, _): high == 0 && (low == 1 || low >> 24 == 0xffff_7f)
    case .unix: true
    }
  }

  /// Who this is as a peer.
  var peer: PeerAddress {
    switch self {
    case .v4(let bits, _): .v4(bits)
    case .v6(0, let low, _) where low >> 32 == 0xffff: .v4(UInt32(truncatingIfNeeded: low))
    case .v6(let high, let low, _): .v6(high: high, low: low)
    case .unix: .unix
    }
  }
}

extension SocketAddress: CustomStringConvertible {
  /// `127.0.0.1:7429`, `[::1]:7429`, `unix:/run/weir.sock`: what the parser reads back as the same address.
  public var description: String {
    switch self {
    case .v4(let bits, let port): "\(Self.text(v4: bits)):\(port)"
    case .v6(let high, let low, let port): "[\(Self.text(high: high, low: low))]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}
