// RedisURL.swift: the address of a Redis, or of several, kept so that its passwords cannot be printed by accident.
//
//   redis://[user:password@]host[:6379][/db]
//   redis-cluster://[user:password@]host[:6379],host[:6379],…
//   redis-sentinel://[user:password@]host[:26379],…/master-name[/db][?sentinel_user=&sentinel_password=…]
//   rediss://…, rediss-cluster://…, rediss-sentinel://… with ?ca=FILE, cert=FILE, key=FILE, verify=on|off
//   unix:///path?db=0
//
// Only the form is checked here, by RedisURL+Faults.swift; RedisURL+Topology.swift takes it apart. What is shown of it,
// in a log, an error or a dump, is `redacted` (RedisURL+Redaction.swift).

import PolicyFiles

/// A valid URL of a Redis.
public struct RedisURL: Sendable, Equatable {
  /// What the scheme says.
  enum Form {
    case single
    case unix
    case cluster
    case sentinel
  }

  struct Scheme {
    var name: String
    var form: Form
    var hasTLS = false
  }

  /// The whole URL, with its password. Not for printing.
  public let secretText: String
  /// The URL with `***` in place of users and passwords, for logs, errors and `/policies`.
  public var redacted: String { Self.redact(secretText) }
  /// Whether the URL holds a password of its own for the servers that count.
  public let hasPassword: Bool
  /// Whether it means a cluster, whose counters lie in several slots.
  public var isCluster: Bool { Self.scheme(of: secretText)?.form == .cluster }

  /// The most servers that a URL lists: sentinels are all connected to, and seeds need only one that answers.
  static let longestList = 16

  static let schemes = [
    Scheme(name: "redis", form: .single), Scheme(name: "rediss", form: .single, hasTLS: true),
    Scheme(name: "unix", form: .unix),
    Scheme(name: "redis-cluster", form: .cluster), Scheme(name: "rediss-cluster", form: .cluster, hasTLS: true),
    Scheme(name: "redis-sentinel", form: .sentinel), Scheme(name: "rediss-sentinel", form: .sentinel, hasTLS: true),
  ]

  /// What a URL may be, as the end of a sentence; of one form where the scheme says which.
  static func expected(_ form: Form? = nil) -> String {
    switch form {
    case .single: "redis://[user:password@]host[:6379][/db] or rediss://…"
    case .unix: "unix:///path?db=0"
    case .cluster: "redis-cluster://[user:password@]host[:6379],host[:6379],… or rediss-cluster://…"
    case .sentinel: "redis-sentinel://[user:password@]host[:26379],…/master-name[/db] or rediss-sentinel://…"
    case nil:
      "redis://[user:password@]host[:6379][/db], rediss://…, redis-cluster://…, redis-sentinel://… or unix:///path?db=0"
    }
  }

  /// Reads a URL; throws what would have done, without the password.
  init(_ text: String) throws(Misfit) {
    let scheme = Self.scheme(of: text)
    func misfit(_ detail: String = "", nearest: String? = nil) -> Misfit {
      Misfit(
        quoted: UsageError.quote(Self.redact(text)), expected: Self.expected(scheme?.form) + detail, nearest: nearest)
    }
    guard text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f }) else {
      throw misfit("; without spaces and control characters")
    }
    guard Self.isDecodable(text[...]) else { throw misfit("; %XX stands for a byte of UTF-8, and % itself is %25") }
    guard let schemeEnd = Self.schemeEnd(text) else { throw misfit() }
    guard let scheme else {
      let nearest = NearestWord.find(String(text[..<schemeEnd].dropLast(3)), in: Self.schemes.map(\.name))
      throw misfit(nearest: nearest.map { $0 + "://" })
    }
    let pieces = text[schemeEnd...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    if let detail = Self.queryFault(scheme, pieces.count > 1 ? pieces[1] : nil) { throw misfit(detail) }
    if let detail = Self.placeFault(scheme.form, pieces[0]) { throw misfit(detail) }
    secretText = text
    hasPassword = scheme.form != .unix && pieces[0].prefix { $0 != "@" }.contains(":") && pieces[0].contains("@")
  }

  /// nil where it is none of ours.
  static func scheme(of text: String) -> Scheme? {
    guard let end = schemeEnd(text) else { return nil }
    let name = text[..<end].dropLast(3)
    return schemes.first { $0.name == name }
  }

  /// Where the first `://` ends.
  static func schemeEnd(_ text: String) -> String.Index? {
    let slashes = "://".utf8
    return text.utf8.indices.first { text.utf8[$0...].starts(with: slashes) }.map {
      text.utf8.index($0, offsetBy: slashes.count)
    }
  }
}

extension RedisURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { redacted }
  public var debugDescription: String { redacted }
  /// Without children, so that `dump` shows no more than `description`.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
