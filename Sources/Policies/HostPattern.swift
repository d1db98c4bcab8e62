// HostPattern.swift: `api.example.com` or `*.example.com` (one or more labels before it).

/// A pattern over a normalised host: lower case, no port, no last dot.
public struct HostPattern: Sendable, Equatable {
  /// The host, or what follows `*.`, lower case.
  public var name: String
  /// Written `*.name`: one or more labels stand before it.
  public var matchesSubdomains: Bool

  /// The pattern as policy files write it.
  public var text: String { matchesSubdomains ? "*." + name : name }

  /// What is wrong with a pattern, as a sentence for the author of the file.
  public struct Malformed: Error, Equatable {
    public var message: String
  }

  /// Reads a pattern as policy files write it; case, a port and a last dot do not count, as in a check.
  public init(_ text: String) throws(Malformed) {
    matchesSubdomains = text.utf8.starts(with: "*.".utf8)
    let host = CanonicalValue.host(text.utf8.dropFirst(matchesSubdomains ? 2 : 0))
    guard !host.isEmpty, !host.contains(UInt8(ascii: "*")), host[0] != UInt8(ascii: ".") else {
      throw Malformed(message: "host pattern \"\(text)\": \"*\" stands only first, as in \"*.example.com\"")
    }
    guard !text.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: "/") || $0 == 0x7f }) else {
      throw Malformed(message: "host pattern \"\(text)\" is no host name; give the name without scheme or path")
    }
    name = String(decoding: host, as: UTF8.self)
  }
}
