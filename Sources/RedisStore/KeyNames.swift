// KeyNames.swift: what the counters of a policy set are called in Redis.
//
//   counter of a key   weir:{D}:domain:policy:aXXXXXXXX     D: 22 digits over the bytes of the key
//   in a cluster       weir:{D}, field domain:policy:aXXXXXXXX of a hash; a sliding log has the name above
//   weirs of a domain  weir:live:{D}                        D: 22 digits over the domain's name
//   its orders         weir:orders:{D} and others           see OrderKeys
//
// `a` is the algorithm: t token-bucket, f fixed-window, w sliding-window, l sliding-log. X stands for 8 digits over the
// key's attribute names, so that a policy whose key list changes gets new counters (`CounterIdentity`). Digits are
// base64url (RFC 4648 section 5) of the front of a SHA-256, which nobody can make collide; 128 bits of it for what
// clients choose. So user bytes never stand in a name, and equal keys of a domain's policies share a hash tag, and with
// it a slot of a Redis cluster. Counters that all checks of a domain share (the policy has no key, or the check lacks it)
// have the digits of the domain's name: those of all domains do not meet in one slot. Domain and policy names hold no
// colon and no brace, and the bytes of no other key are a name: they begin with a control character.

import Limiting
public import Policies

/// The names of one policy set's counters. Immutable, shared by all workers.
public final class KeyNames: Sendable {
  /// Names nothing: for a set without policies in Redis.
  public static let none = KeyNames([])

  /// The domains that have policies in Redis, sorted.
  let domains: [String]
  /// Where we announce ourselves: one key a domain, in this order, or one for all of them.
  let live: [[UInt8]]
  /// What stands behind the digits of a key, for all policies of the set, one behind the other; and where each ends.
  private let tails: [UInt8]
  private let ends: [Int]
  /// Over the name of each policy's domain.
  private let shared: [KeyDigest]

  private static let head = Array("weir:{".utf8)

  /// - Parameter policies: In the order of the set: a charge names its policy by the place there.
  public init(_ policies: [Policy]) {
    var tails: [UInt8] = []
    ends = policies.map { policy in
      tails += Self.tail(CounterIdentity(policy))
      return tails.count
    }
    self.tails = tails
    shared = policies.map { Self.shared(domain: $0.domain) }
    let domains = Set(policies.lazy.filter { $0.store == .redis }.map(\.domain)).sorted()
    self.domains = domains
    live = Self.live(domains)
  }

  /// Bytes of a name that `append` writes for `policy`.
  func count(policy: Int) -> Int {
    Self.head.count + KeyDigest.digits + ends[policy] - start(policy)
  }

  /// Appends the name of the counter that the key of this digest has under `policy`, a place in the set.
  func append(policy: Int, key: KeyDigest, to buffer: inout [UInt8]) {
    buffer += Self.head
    key.append(to: &buffer)
    unsafe tails.withUnsafeBufferPointer { tails in
      // SAFETY: both lie in `0...tails.count`, in this order; a place beyond the set traps at `ends`.
      unsafe buffer.append(contentsOf: UnsafeBufferPointer(rebasing: tails[start(policy)..<ends[policy]]))
    }
  }

  /// The name that `append` writes.
  func counter(policy: Int, key: KeyDigest) -> [UInt8] {
    var name: [UInt8] = []
    append(policy: policy, key: key, to: &name)
    return name
  }

  // MARK: In a cluster

  /// Bytes of a name that `appendHash` writes.
  static let hashCount = head.count + KeyDigest.digits + 1

  /// Appends the name of the hash that holds what is counted under the key of this digest.
  static func appendHash(key: KeyDigest, to buffer: inout [UInt8]) {
    buffer += head
    key.append(to: &buffer)
    buffer.append(UInt8(ascii: "}"))
  }

  /// Bytes of a name that `appendField` writes for `policy`.
  func fieldCount(policy: Int) -> Int { ends[policy] - start(policy) - Self.tailHead }

  /// Appends the name of the field that the counters of `policy` have in these hashes.
  func appendField(policy: Int, to buffer: inout [UInt8]) {
    unsafe tails.withUnsafeBufferPointer { tails in
      // SAFETY: as in `append`; a tail is longer than its head.
      let field = start(policy) + Self.tailHead..<ends[policy]
      unsafe buffer.append(contentsOf: UnsafeBufferPointer(rebasing: tails[field]))
    }
  }

  /// The command that takes one counter of a cluster away. Its reply is a number: of the counters that there were.
  static func removal(_ identity: CounterIdentity, _ key: KeyDigest) -> (key: [UInt8], command: [UInt8]) {
    if identity.algorithm == .slidingLog {
      let list = counter(identity, key)
      return (list, RedisCommand.bytes([Array("DEL".utf8), list]))
    }
    var hash: [UInt8] = []
    appendHash(key: key, to: &hash)
    return (hash, RedisCommand.bytes([Array("HDEL".utf8), hash, Array(tail(identity).dropFirst(tailHead))]))
  }

  // MARK: Digests

  /// The digest under which `policy` counts for a key.
  func digest(policy: Int, key: Span<UInt8>) -> KeyDigest {
    Self.isShared(key) ? shared[policy] : KeyDigest(key)
  }

  /// The same, whatever set is in force.
  static func digest(_ identity: CounterIdentity, key: Span<UInt8>) -> KeyDigest {
    isShared(key) ? shared(domain: identity.domain) : KeyDigest(key)
  }

  /// Whether all checks of the domain share the counter: the empty key, or the one byte 0.
  private static func isShared(_ key: Span<UInt8>) -> Bool {
    key.isEmpty || (key.count == 1 && key[0] == 0)
  }

  private static func shared(domain: String) -> KeyDigest { KeyDigest(Array(domain.utf8).span) }

  // MARK: Weirs

  /// Where weirs that serve these domains announce themselves: a key a domain or, where they are many, one key for all
  /// who serve the same ones, so that a sign of life costs Redis little.
  static func live(_ domains: [String]) -> [[UInt8]] {
    guard domains.count > Bounds.announcedDomains else { return domains.map { live(domain: $0) } }
    // Names hold no line break, so that other lists give other texts.
    return [live(domain: domains.joined(separator: "\n"))]
  }

  /// Where the weirs that serve `domain` announce themselves.
  static func live(domain: String) -> [UInt8] {
    var name = Array("weir:live:{".utf8)
    KeyDigest(Array(domain.utf8).span).append(to: &name)
    return name + "}".utf8
  }

  /// The domains whose weirs announce themselves under `key`, one of `live`.
  func domains(announcedBy key: [UInt8]) -> [String] {
    guard live.count == domains.count else { return domains }
    return live.firstIndex(of: key).map { [domains[$0]] } ?? []
  }

  private func start(_ policy: Int) -> Int { policy == 0 ? 0 : ends[policy - 1] }

  /// The name of the counter that the key of this digest has, whatever set is in force.
  static func counter(_ identity: CounterIdentity, _ key: KeyDigest) -> [UInt8] {
    var name = head
    key.append(to: &name)
    return name + tail(identity)
  }

  /// The last part of a counter's name: the algorithm, and the digits of the key's attribute names.
  static func ending(_ identity: CounterIdentity) -> [UInt8] {
    var list: [UInt8] = []
    for name in identity.key {
      let text = Array(name.text.utf8)
      for shift in stride(from: 24, through: 0, by: -8) { list.append(UInt8(truncatingIfNeeded: text.count >> shift)) }
      list += text
    }
    var ending = [letter(identity.algorithm)]
    KeyDigest(list.span).append(digits: 8, to: &ending)
    return ending
  }

  /// What stands in a tail before the name of a field: "}:".
  private static let tailHead = 2

  private static func tail(_ identity: CounterIdentity) -> [UInt8] {
    Array("}:\(identity.domain):\(identity.name):".utf8) + ending(identity)
  }

  static func letter(_ algorithm: Algorithm) -> UInt8 {
    switch algorithm {
    case .tokenBucket: UInt8(ascii: "t")
    case .fixedWindow: UInt8(ascii: "f")
    case .slidingWindow: UInt8(ascii: "w")
    case .slidingLog: UInt8(ascii: "l")
    }
  }
}
