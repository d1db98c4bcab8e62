// RedisTarget.swift: where a Redis is, and who we are there.

/// A Redis server, and how to log in to it.
public struct RedisTarget: Sendable {
  public enum Place: Sendable, Equatable {
    /// A name or an address (IPv6 without brackets).
    case host(String, port: UInt16)
    case unix(path: String)
  }

  public var place: Place
  public var database: Int32 = 0
  /// nil: AUTH with a password alone.
  public var user: String?
  public var password: String?
  /// Read at each connection, in place of `password`, without a line break at its end; so a password can be changed.
  public var passwordFile: String?
  /// nil: no TLS.
  public var tls: TLSSettings?

  public init(place: Place) { self.place = place }
}

/// `?ca=`, `?cert=`, `?key=` and `?verify=` of a `rediss://` URL. Files are read at each connection.
public struct TLSSettings: Sendable, Equatable {
  /// A PEM file of the authorities to trust; nil: the system's.
  public var authorities: String?
  /// A PEM file with the client's certificate chain, and its key (nil: in the same file).
  public var certificate: String?
  public var key: String?
  /// Whether the server's chain and name are checked.
  public var verifies = true

  public init() {}
}
