// Route.swift: what a request on the data plane asks for.
//
// Targets are compared as they came, never decoded or normalised: what follows `/check` belongs to the original request
// and nothing in it is routed on.

public import HTTP1

/// What a request asks for.
public enum Route: Sendable, Equatable {
  /// A check whose facts are in the head. No body is waited for.
  case gateway(GatewayRoute)
  /// A check whose facts are in a JSON body.
  case json
  case healthz
  case readyz
  case refused(Refusal)
}

/// A check in the gateway form.
public struct GatewayRoute: Sendable, Equatable {
  /// The domain's name in the target; nil: the default domain.
  public var domain: ByteRange?
  /// The original target, where it is part of this request's own; nil: it is in the target header.
  public var target: ByteRange?
  /// The status of a denial that the query asked for; nil: the one of the settings.
  public var denyStatus: Int?
}

/// An answer that is an error: a problem of type `about:blank` (RFC 9457).
public struct Refusal: Error, Equatable {
  public var status: Int
  public var detail: String
  /// The methods that `Allow` lists with a 405.
  public var allow: StaticString?

  public init(_ status: Int, _ detail: String, allow: StaticString? = nil) {
    self.status = status
    self.detail = detail
    self.allow = allow
  }

  public static func == (a: Refusal, b: Refusal) -> Bool { a.status == b.status && a.detail == b.detail }
}
