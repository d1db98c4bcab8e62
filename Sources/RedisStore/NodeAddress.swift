// NodeAddress.swift: where one server of several listens.

/// A name or an address, and a port. Compared as it is written: two names of one server are two addresses.
public struct NodeAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address; IPv6 without brackets.
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// `10.0.0.1:6379`, `[::1]:6379`.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// The same as a target's place.
  public var place: RedisTarget.Place { .host(host, port: port) }
}
