// RedisTarget.swift: where a Redis is, and who we are there.

/// A Redis server, and how to log in to it. Never printed whole: its description holds neither user nor password.
public struct RedisTarget: Sendable, Equatable {
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

extension RedisTarget: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `rediss://redis.internal:6379/2`.
  public var description: String {
    switch place {
    case .host(let host, let port):
      let shown = host.contains(":") ? "[\(host)]" : host
      return "\(tls == nil ? "redis" : "rediss")://\(shown):\(port)/\(database)"
    case .unix(let path):
      return "unix://\(path)?db=\(database)"
    }
  }
  public var debugDescription: String { description }
  /// Without children, so that `dump` shows no more than `description`.
  public var customMirror: Mirror { Mirror(self, children: []) }
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
