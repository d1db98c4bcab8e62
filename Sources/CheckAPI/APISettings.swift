// APISettings.swift: how this weir speaks HTTP: where its gateway puts the original request, and what answers look like.

public import Policies

/// The options of the data plane that a request is understood and answered by. Immutable while weir runs.
public struct APISettings: Sendable {
  /// The header, lower case, that holds the original request's target (gateway form, exact `/check`).
  public var targetHeader = "x-forwarded-uri"
  public var methodHeader = "x-forwarded-method"
  public var hostHeader = "x-forwarded-host"
  /// The only header that a client's address is taken from, and only where the peer is a trusted proxy.
  public var clientIPHeader = "x-forwarded-for"
  /// Peers whose client address header is believed. Unix peers always are.
  public var trustedProxies: NetworkMap
  public var offersJSONForm = true
  /// What answers look like.
  public var style = AnswerStyle()

  public init(trustedProxies: [IPNetwork] = IPNetwork.loopback) {
    self.trustedProxies = NetworkMap(trustedProxies.map { ($0, 0) })
  }
}

/// How decisions are answered. Plain numbers, so that an answer takes a copy for nothing.
public struct AnswerStyle: Sendable {
  /// The status of a denial in the gateway form, unless the query on `/check` asks for another: 401, 403 or 429.
  public var denyStatus = 429
  public var sendsDenyBody = true
  /// `RateLimit` and `RateLimit-Policy` in the gateway form too; the JSON form always has them.
  public var sendsIETFHeaders = false
  public var reset = Reset.epoch

  /// What `X-RateLimit-Reset` and the member `reset` count.
  public enum Reset: Sendable {
    /// Unix seconds.
    case epoch
    /// Seconds from now.
    case delta
  }

  public init() {}
}
