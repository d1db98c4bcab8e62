// GatewayMarkers.swift: tells a program's own request from one that a gateway passed along. A gateway may forward a
// client's JSON body and headers; the client must not thereby choose a domain, attributes or a cost.

import HTTP1

enum GatewayMarkers {
  private static let names: [StaticString] = ["forwarded", "x-real-ip", "via"]
  private static let prefixes: [StaticString] = ["x-forwarded-", "x-original-", "x-envoy-"]

  /// Whether any header says that a gateway or proxy stood between the client and this server.
  static func areIn(_ head: RequestHead, _ bytes: Span<UInt8>, _ settings: APISettings) -> Bool {
    let named = [settings.targetHeader, settings.methodHeader, settings.hostHeader, settings.clientIPHeader]
    for header in head.headers {
      for name in names where HeaderName.matches(bytes, header.name, lowercased: name) { return true }
      for prefix in prefixes where hasPrefix(header.name, prefix, bytes) { return true }
      for name in named where HeaderName.matches(bytes, header.name, lowercased: name.utf8.span) { return true }
    }
    return false
  }

  private static func hasPrefix(_ name: ByteRange, _ prefix: StaticString, _ bytes: Span<UInt8>) -> Bool {
    guard Int(name.count) >= prefix.utf8CodeUnitCount else { return false }
    let start = ByteRange(start: name.start, count: Int32(prefix.utf8CodeUnitCount))
    return HeaderName.matches(bytes, start, lowercased: prefix)
  }

  /// Whether the content is declared as `application/json`, with or without parameters (RFC 9110 section 8.3.1).
  static func isJSON(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
    for header in head.headers where HeaderName.matches(bytes, header.name, lowercased: "content-type") {
      var end = header.value.lowerBound
      while end < header.value.upperBound, bytes[end] != UInt8(ascii: ";") { end += 1 }
      while end > header.value.lowerBound, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
      let type = ByteRange(start: header.value.start, count: Int32(end - header.value.lowerBound))
      return HeaderName.matches(bytes, type, lowercased: "application/json")
    }
    return false
  }
}
