// Router.swift: from a request's head to its route.

public import HTTP1
import Policies

/// Tells what a request asks for.
public enum Router {
  /// - Parameters:
  ///   - head: A complete head, parsed from `bytes`.
  public static func route(_ head: RequestHead, _ bytes: Span<UInt8>, _ settings: APISettings) -> Route {
    let target = originForm(head.target, bytes)
    if let rest = suffix(of: target, after: "/check", bytes) {
      if let route = check(rest, domain: nil, bytes) {
        guard rest.isEmpty, settings.offersJSONForm, isProgram(head, bytes, settings) else { return .gateway(route) }
        return .json
      }
    } else if let rest = suffix(of: target, after: "/domains/", bytes) {
      if let route = checkInDomain(rest, bytes) { return .gateway(route) }
    }
    return other(target, head, bytes, settings)
  }

  /// Whether a `POST` to exactly `/check` comes from a program: it is JSON, and no gateway or proxy has touched it.
  private static func isProgram(_ head: RequestHead, _ bytes: Span<UInt8>, _ settings: APISettings) -> Bool {
    isMethod("POST", head, bytes) && GatewayMarkers.isJSON(head, bytes)
      && !GatewayMarkers.areIn(head, bytes, settings)
  }

  private static func other(
    _ target: ByteRange, _ head: RequestHead, _ bytes: Span<UInt8>, _ settings: APISettings
  ) -> Route {
    let path = withoutQuery(target, bytes)
    if settings.offersJSONForm, equals(path, "/json/check", bytes) {
      guard isMethod("POST", head, bytes) else {
        return .refused(Refusal(405, "/json/check takes POST", allow: "POST"))
      }
      guard GatewayMarkers.isJSON(head, bytes) else {
        return .refused(Refusal(415, "send the check as Content-Type: application/json"))
      }
      return .json
    }
    let isHealthz = equals(path, "/healthz", bytes)
    guard isHealthz || equals(path, "/readyz", bytes) else {
      return .refused(Refusal(404, "nothing here; checks go to /check, /domains/NAME/check or /json/check"))
    }
    guard isMethod("GET", head, bytes) || isMethod("HEAD", head, bytes) else {
      return .refused(Refusal(405, "this page takes GET and HEAD", allow: "GET, HEAD"))
    }
    return isHealthz ? .healthz : .readyz
  }

  // MARK: /check and /domains/NAME/check

  /// The route of `/check` followed by `rest`; nil where that is some other page.
  private static func check(_ rest: ByteRange, domain: ByteRange?, _ bytes: Span<UInt8>) -> GatewayRoute? {
    guard !rest.isEmpty else { return GatewayRoute(domain: domain) }
    switch bytes[rest.lowerBound] {
    case UInt8(ascii: "/"): return GatewayRoute(domain: domain, target: rest)
    case UInt8(ascii: "*") where rest.count == 1: return GatewayRoute(domain: domain, target: rest)  // OPTIONS *
    case UInt8(ascii: "?"): return GatewayRoute(domain: domain, denyStatus: denyStatus(in: rest, bytes))
    default: return nil
    }
  }

  private static func checkInDomain(_ rest: ByteRange, _ bytes: Span<UInt8>) -> GatewayRoute? {
    var end = rest.lowerBound
    while end < rest.upperBound, bytes[end] != UInt8(ascii: "/") { end += 1 }
    guard isDomainName(bytes.extracting(rest.lowerBound..<end)) else { return nil }
    let domain = range(rest.lowerBound, end)
    guard let tail = suffix(of: range(end, rest.upperBound), after: "/check", bytes) else { return nil }
    return check(tail, domain: domain, bytes)
  }

  private static func isDomainName(_ name: Span<UInt8>) -> Bool {
    unsafe name.withUnsafeBufferPointer { unsafe PolicyName.isValid($0) }
  }

  /// The value of the first `deny_status` in a query, if it is 401, 403 or 429. Gateways may put a client's own query
  /// here, so nothing else in it counts, and nothing in it is an error.
  private static func denyStatus(in query: ByteRange, _ bytes: Span<UInt8>) -> Int? {
    var start = query.lowerBound + 1
    while start <= query.upperBound {
      var end = start
      while end < query.upperBound, bytes[end] != UInt8(ascii: "&") { end += 1 }
      if let value = suffix(of: range(start, end), after: "deny_status=", bytes) {
        if equals(value, "403", bytes) { return 403 }
        if equals(value, "401", bytes) { return 401 }
        return equals(value, "429", bytes) ? 429 : nil
      }
      start = end + 1
    }
    return nil
  }

  // MARK: Pieces of a target

  /// The target without `http://authority` (RFC 9112 section 3.2.2: a server accepts the absolute form).
  private static func originForm(_ target: ByteRange, _ bytes: Span<UInt8>) -> ByteRange {
    guard bytes[target.lowerBound] | 0x20 == UInt8(ascii: "h") else { return target }
    for scheme: StaticString in ["http://", "https://"] {
      guard Int(target.count) > scheme.utf8CodeUnitCount else { continue }
      let head = ByteRange(start: target.start, count: Int32(scheme.utf8CodeUnitCount))
      guard HeaderName.matches(bytes, head, lowercased: scheme) else { continue }
      var start = head.upperBound
      while start < target.upperBound, bytes[start] != UInt8(ascii: "/"), bytes[start] != UInt8(ascii: "?") {
        start += 1
      }
      return range(start, target.upperBound)
    }
    return target
  }

  private static func withoutQuery(_ target: ByteRange, _ bytes: Span<UInt8>) -> ByteRange {
    var end = target.lowerBound
    while end < target.upperBound, bytes[end] != UInt8(ascii: "?") { end += 1 }
    return range(target.lowerBound, end)
  }

  private static func range(_ start: Int, _ end: Int) -> ByteRange {
    ByteRange(start: Int32(start), count: Int32(end - start))
  }

  /// What follows `prefix`, or nil where the stretch does not begin with it. Case counts.
  private static func suffix(of whole: ByteRange, after prefix: StaticString, _ bytes: Span<UInt8>) -> ByteRange? {
    let count = prefix.utf8CodeUnitCount
    guard Int(whole.count) >= count else { return nil }
    for index in 0..<count where unsafe bytes[whole.lowerBound + index] != prefix.utf8Start[index] { return nil }
    return range(whole.lowerBound + count, whole.upperBound)
  }

  private static func equals(_ whole: ByteRange, _ text: StaticString, _ bytes: Span<UInt8>) -> Bool {
    suffix(of: whole, after: text, bytes)?.isEmpty == true
  }

  /// Whether the request is a HEAD, whose answer has no content.
  public static func isHead(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool { isMethod("HEAD", head, bytes) }

  /// Whether the request has this method. Case counts.
  public static func isMethod(_ name: StaticString, _ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
    equals(head.method, name, bytes)
  }
}
