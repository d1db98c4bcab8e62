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

  public init(_ text: String) throws(Malformed) {
    var lowered = text.lowercased()
    matchesSubdomains = lowered.hasPrefix("*.")
    if matchesSubdomains { lowered.removeFirst(2) }
    if lowered.hasSuffix(".") { lowered.removeLast() }
    guard !lowered.isEmpty, !lowered.utf8.contains(UInt8(ascii: "*")), !lowered.hasPrefix(".") else {
      throw Malformed(message: "host pattern \"\(text)\": \"*\" stands only first, as in \"*.example.com\"")
    }
    guard !lowered.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: "/") || $0 == 0x7f }) else {
      throw Malformed(message: "host pattern \"\(text)\" is no host name; give the name without scheme or path")
    }
    name = HostPattern.withoutPort(lowered)
  }

  /// A port in a pattern does not count, as it does not in a check. An IPv6 literal keeps its brackets.
  private static func withoutPort(_ text: String) -> String {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return text }
    let digits = text.utf8[text.utf8.index(after: colon)...]
    guard digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return text }
    let host = text[..<colon]
    if host.hasPrefix("[") != host.hasSuffix("]") { return text }
    return String(host)
  }
}
