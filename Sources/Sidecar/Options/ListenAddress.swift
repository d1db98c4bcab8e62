// ListenAddress.swift: where to listen, as `--listen`, `--admin` and `--metrics` say it.
//
//   127.0.0.1:7429   localhost:7429   [::1]:7429   a host and a port
//   :7429                                         a port on all interfaces
//   unix:/run/weir.sock?mode=0660&group=web       a Unix socket
//
// Reading is pure: a host name is not resolved here, and a group is not looked up.

import Policies
import PolicyFiles

/// An address to listen on.
public struct ListenAddress: Sendable, Equatable {
  /// As the operator wrote it.
  public let text: String
  public let place: Place

  public enum Place: Sendable, Equatable {
    /// A host name, an IPv4 address or an IPv6 address without brackets; empty for all interfaces. Port 0 lets the
    /// system choose.
    case tcp(host: String, port: UInt16)
    /// An absolute path that fits a socket address; the permissions of the file, at most 0o777; the name or number of
    /// the group that owns it, where one was given.
    case unix(path: String, mode: UInt16, group: String?)
  }

  /// Who may connect to a Unix socket where the address does not say: its user and its group.
  public static let defaultMode: UInt16 = 0o660
  /// Bytes of a path that `sockaddr_un` holds, with a NUL after it: 108 on Linux, 104 on macOS.
  #if os(Linux)
    static let longestPath = 107
  #else
    static let longestPath = 103
  #endif
  static let expected = "host:port, [::1]:port, :port or unix:/path?mode=0660&group=NAME"

  /// Reads an address; throws what would have done.
  init(_ text: String) throws(Misfit) {
    self.text = text
    place = text.hasPrefix("unix:") ? try Self.unix(text) : try Self.tcp(text)
  }

  private static func tcp(_ text: String) throws(Misfit) -> Place {
    guard let colon = text.lastIndex(of: ":") else {
      throw Misfit(text, expected: expected + "; the port is missing")
    }
    let host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    guard OptionValue.isDigits(digits), let port = UInt16(digits) else {
      throw Misfit(text, expected: expected + "; a port is 0 to 65535")
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      let inner = String(host.dropFirst().dropLast())
      guard isIPv6(inner) else { throw Misfit(text, expected: expected + "; brackets hold an IPv6 address") }
      return .tcp(host: inner, port: port)
    }
    guard !host.contains(":") else {
      throw Misfit(text, expected: expected + "; an IPv6 address stands in brackets")
    }
    guard host.isEmpty || isHost(host) else { throw Misfit(text, expected: expected) }
    return .tcp(host: String(host), port: port)
  }

  /// An IPv6 address, perhaps with the interface that a link-local one needs: `fe80::1%eth0`.
  private static func isIPv6(_ text: String) -> Bool {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 1 || (isHost(parts[1]) && parts[1].utf8.count < 16) else { return false }
    return parts[0].contains(":") && IPAddress(String(parts[0])) != nil
  }

  /// A name of letters, digits, hyphens, underscores and dots. What consists of digits and dots must be an IPv4
  /// address, so that a mistyped one is not asked of the resolver.
  private static func isHost(_ text: Substring) -> Bool {
    let isNumber = text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || $0 == UInt8(ascii: ".") }
    if isNumber { return IPAddress(String(text)) != nil }
    return text.utf8.count <= 253 && text.first != "-" && text.first != "."
      && text.utf8.allSatisfy { isWordByte($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    let lower = byte | 0x20
    return (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")) || (byte >= 0x30 && byte <= 0x39)
      || byte == UInt8(ascii: "_")
  }

  private static func unix(_ text: String) throws(Misfit) -> Place {
    let parts = text.dropFirst("unix:".count).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(parts[0])
    guard path.hasPrefix("/"), !path.hasSuffix("/") else {
      throw Misfit(text, expected: expected + "; the path of a socket is absolute")
    }
    guard path.utf8.count <= longestPath else {
      throw Misfit(text, expected: "a Unix socket whose path has at most \(longestPath) bytes")
    }
    var mode: UInt16?
    var group: String?
    for part in parts.count > 1 ? parts[1].split(separator: "&", omittingEmptySubsequences: false) : [] {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = pair.count > 1 ? String(pair[1]) : ""
      switch pair[0] {
      case "mode" where mode == nil: mode = try Self.mode(value, of: text)
      case "group" where group == nil: group = try Self.group(value, of: text)
      case "mode", "group": throw Misfit(text, expected: expected + "; \(pair[0]) is given twice")
      default:
        let nearest = NearestWord.find(String(pair[0]), in: ["mode", "group"])
        throw Misfit(text, expected: expected, nearest: nearest)
      }
    }
    return .unix(path: path, mode: mode ?? defaultMode, group: group)
  }

  private static func mode(_ digits: String, of text: String) throws(Misfit) -> UInt16 {
    guard OptionValue.isDigits(digits), let mode = UInt16(digits, radix: 8), mode <= 0o777 else {
      throw Misfit(text, expected: expected + "; a mode is octal, 0 to 0777")
    }
    return mode
  }

  private static func group(_ name: String, of text: String) throws(Misfit) -> String {
    let isName = name.utf8.allSatisfy { isWordByte($0) || "-.$".utf8.contains($0) }
    guard !name.isEmpty, name.utf8.count <= 64, isName, !name.hasPrefix("-") else {
      throw Misfit(text, expected: expected + "; a group is a name or a number")
    }
    return name
  }
}

extension ListenAddress {
  /// The host as written; nil for a Unix socket.
  var host: String? { if case .tcp(let host, _) = place { host } else { nil } }

  /// Whether only this machine's own programs reach it. A name counts as one that others reach, but for `localhost`.
  var isLoopback: Bool {
    guard let host else { return true }
    guard let address = IPAddress(host) else { return host.lowercased() == "localhost" }
    return IPNetwork.loopback.contains { $0.contains(address) }
  }

  /// Whether only the running server knows its port.
  var leavesPortToSystem: Bool { if case .tcp(_, port: 0) = place { true } else { false } }

  /// Whether listening on both would ask for one thing twice. Port 0 is never the same, since the system chooses.
  func collides(with other: ListenAddress) -> Bool {
    switch (place, other.place) {
    case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
      port != 0 && port == otherPort && host.lowercased() == otherHost.lowercased()
    case (.unix(let path, _, _), .unix(let otherPath, _, _)): path == otherPath
    default: false
    }
  }
}
