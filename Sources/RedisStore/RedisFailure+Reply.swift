// RedisFailure+Reply.swift: what an error reply of Redis means to us, and how much of it may be shown.
//
// The first word of an error is its kind. An error inside a script comes, before Redis 7, wrapped in the words of the
// script engine: `ERR Error running script (call to f_…): @user_script:9: -READONLY You can't write …`.

/// An error reply, understood.
struct ErrorReply {
  let failure: RedisFailure
  /// Whether the Redis at the other end cannot serve us for now, so that the connection is closed and made again with
  /// the name looked up afresh: after a failover it leads to the new primary.
  let needsNewConnection: Bool
  /// Its kind, `READONLY`; what has no kind is `ERR`.
  let word: String
  /// Redis's own words without their full stop, fit for a log line; see `RedisFailure.printable`.
  let text: String

  /// - Parameter reply: The bytes of an error, without its `-`.
  init(_ reply: Span<UInt8>) {
    let whole = RedisFailure.printable(reply, atMost: 2 * Bounds.quotedReply)
    word = Self.telling(in: whole)
    let shown = RedisFailure.printable(reply)
    text = shown.hasSuffix(".") ? String(shown.dropLast()) : shown
    let isForbidden = Self.index(after: "user executing the script can't", in: whole) != nil  // Redis 7.0 in scripts
    failure = Self.kinds[word] ?? (isForbidden ? .permission : .other)
    needsNewConnection = ["READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "DENIED"].contains(word)
  }

  /// What the operator can do, as the end of a sentence.
  var advice: String {
    if holds("max number of clients") { return "raise its maxclients" }
    if word == "CLUSTERDOWN" { return "its cluster does not serve the key; see CLUSTER INFO there" }
    return holds("No such master") ? "is the master's name in --redis the sentinels' name for it?" : failure.advice
  }

  /// Whether Redis's words hold `pattern`.
  func holds(_ pattern: String) -> Bool { Self.index(after: pattern, in: text) != nil }

  /// The first word; where that only says that a script failed, the word of the error inside.
  private static func telling(in text: String) -> String {
    let first = leadingWord(text[...])
    guard first == "ERR", index(after: "script", in: text) != nil, let dash = index(after: ": -", in: text) else {
      return first
    }
    let inner = leadingWord(text[dash...])
    return kinds[inner] == nil && inner != "MASTERDOWN" ? first : inner
  }

  private static func leadingWord(_ text: Substring) -> String {
    let word = text.utf8.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    return word.isEmpty ? "ERR" : String(word) ?? "ERR"
  }

  /// The index after the first `pattern` in `text`.
  private static func index(after pattern: String, in text: String) -> String.Index? {
    let bytes = text.utf8
    return bytes.indices.first { bytes[$0...].starts(with: pattern.utf8) }.map {
      bytes.index($0, offsetBy: pattern.utf8.count)
    }
  }

  private static let kinds: [String: RedisFailure] = [
    "NOAUTH": .auth, "WRONGPASS": .auth, "DENIED": .auth, "NOPERM": .permission, "READONLY": .readOnly,
    "LOADING": .loading, "OOM": .outOfMemory, "BUSY": .busy, "MOVED": .cluster, "ASK": .cluster,
    "CLUSTERDOWN": .cluster, "CROSSSLOT": .cluster, "TRYAGAIN": .cluster,
  ]
}

extension RedisFailure {
  /// What an error reply, without its `-`, means.
  init(errorReply text: Span<UInt8>) { self = ErrorReply(text).failure }

  /// Whether it came back at once, without a time-out: then trying again soon costs Redis little.
  var isQuick: Bool { self != .timeout && self != .resolve }

  /// What the operator can do, as the end of a sentence.
  var advice: String {
    switch self {
    case .timeout: "is it overloaded or stopped, or does a firewall drop what we send?"
    case .disconnected: "is Redis running there?"
    case .resolve: "check the host in --redis, and this machine's name servers"
    case .tls: "check the certificates on both sides"
    case .auth: "check the user and password in --redis, or --redis-password-file"
    case .permission: "grant weir's user the commands and keys that it needs; the documentation lists them"
    case .readOnly: "it is a replica; weir connects again, and needs the primary at this address"
    case .loading: "it still reads its data; weir tries again until it is ready"
    case .outOfMemory: "raise its maxmemory, or set an eviction policy"
    case .busy: "somebody's script runs too long there; SCRIPT KILL ends it"
    case .cluster: "it is a node of a cluster; use redis-cluster://"
    case .other: "see Redis's own log"
    case .overload: "is it slow, or does somebody send very long keys?"
    case .protocolError: "is it a Redis, and is the port the right one?"
    }
  }

  /// Words from outside as a log line may show them: cut to `limit` bytes, what is no UTF-8 repaired, control and format
  /// characters replaced by `?`.
  static func printable(_ text: Span<UInt8>, atMost limit: Int = Bounds.quotedReply) -> String {
    let cut = text.extracting(first: limit)
    let string = unsafe cut.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    var shown = String.UnicodeScalarView()
    for scalar in string.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: shown.append("?")
      default: shown.append(scalar)
      }
    }
    return String(shown)
  }
}
