// SocketAddress+Parsing.swift: text to addresses. Numbers are read by libuv's inet_pton, names by the system.
//
// Left out: link-local addresses with a zone (`fe80::1%eth0`) and abstract Unix sockets.

import CUV

/// A text that is no address, and why.
public struct AddressError: Error, Sendable, Equatable, CustomStringConvertible {
  public let text: String
  public let problem: String

  public var description: String {
    "address \"\(text)\": \(problem); use host:port, [v6]:port, :port (all interfaces) or unix:/path"
  }
}

extension SocketAddress {
  /// Reads `host:port`, `[v6]:port`, `:port` or `unix:/path`. A name is looked up, which may block; of several
  /// addresses an IPv4 one is taken, since that is what most who say `localhost` try first.
  public init(parsing text: String) throws(AddressError) {
    let all = try Self.resolve(text)
    self = all.first { if case .v4 = $0 { true } else { false } } ?? all[0]
  }

  /// Every address that `text` stands for, in the order in which the system prefers them; at least one.
  ///
  /// `:port` is all interfaces: `[::]`, which takes IPv4 too, or `0.0.0.0` on a machine without IPv6. A Unix path is
  /// everything after the colon.
  public static func resolve(_ text: String) throws(AddressError) -> [SocketAddress] {
    if text.hasPrefix("unix:") { return [try parseUnix(text)] }
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
      throw AddressError(text: text, problem: "the port is missing")
    }
    let host = String(text[..<colon])
    let port = try parsePort(text[text.utf8.index(after: colon)...], in: text)
    if host.isEmpty {
      return [Platform.hasIPv6 ? .v6(high: 0, low: 0, port: port) : .v4(0, port: port)]
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      guard let (high, low) = parseV6(String(host.dropFirst().dropLast())) else {
        throw AddressError(text: text, problem: "\(host) is no IPv6 address")
      }
      return [.v6(high: high, low: low, port: port)]
    }
    if let bits = parseV4(host) { return [.v4(bits, port: port)] }
    guard !host.utf8.contains(UInt8(ascii: ":")) else {
      throw AddressError(text: text, problem: "an IPv6 address needs brackets")
    }
    return try lookUp(host, port: port, in: text)
  }

  private static func parseUnix(_ text: String) throws(AddressError) -> SocketAddress {
    let path = String(text.dropFirst("unix:".count))
    guard !path.isEmpty else { throw AddressError(text: text, problem: "the path is missing") }
    guard !path.utf8.contains(0), path.utf8.count < Bounds.unixPath else {
      throw AddressError(text: text, problem: "a socket's path has at most \(Bounds.unixPath - 1) bytes")
    }
    return .unix(path: path)
  }

  private static func parsePort(_ digits: Substring, in text: String) throws(AddressError) -> UInt16 {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let port = UInt16(digits)
    else {
      throw AddressError(text: text, problem: "port \"\(digits)\" is no number from 0 to 65535")
    }
    return port
  }

  private static func lookUp(_ host: String, port: UInt16, in text: String) throws(AddressError) -> [SocketAddress] {
    guard !host.utf8.contains(0) else { throw AddressError(text: text, problem: "the host holds a NUL") }
    switch Platform.lookUp(host) {
    case .success(let peers):
      let addresses = peers.compactMap { (peer: PeerAddress) -> SocketAddress? in
        switch peer {
        case .v4(let bits): .v4(bits, port: port)
        case .v6(let high, let low): .v6(high: high, low: low, port: port)
        case .unix: nil
        }
      }
      if !addresses.isEmpty { return addresses }
      throw AddressError(text: text, problem: "host \"\(host)\" has no address")
    case .failure(let reason):
      throw AddressError(text: text, problem: "host \"\(host)\": \(reason.text)")
    }
  }

  /// Four decimal bytes, nothing shorter.
  static func parseV4(_ text: String) -> UInt32? {
    var bits: UInt32 = 0
    let result = unsafe uv_inet_pton(Platform.familyV4, text, &bits)
    return result == 0 && !text.utf8.contains(0) ? UInt32(bigEndian: bits) : nil
  }

  static func parseV6(_ text: String) -> (high: UInt64, low: UInt64)? {
    // libuv would drop a zone without a word.
    guard !text.utf8.contains(UInt8(ascii: "%")), !text.utf8.contains(0) else { return nil }
    var words: InlineArray<2, UInt64> = [0, 0]
    var span = words.mutableSpan
    let result = unsafe span.withUnsafeMutableBytes { unsafe uv_inet_pton(Platform.familyV6, text, $0.baseAddress) }
    return result == 0 ? (UInt64(bigEndian: words[0]), UInt64(bigEndian: words[1])) : nil
  }

  static func text(v4 bits: UInt32) -> String {
    "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
  }

  /// RFC 5952 form, as libuv writes it.
  static func text(high: UInt64, low: UInt64) -> String {
    let words: InlineArray<2, UInt64> = [high.bigEndian, low.bigEndian]
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      unsafe buffer.initialize(repeating: 0)
      guard let text = buffer.baseAddress else { return "" }
      _ = unsafe words.span.withUnsafeBytes {
        unsafe uv_inet_ntop(Platform.familyV6, $0.baseAddress, text, buffer.count)
      }
      return unsafe String(cString: text)
    }
  }
}
