// KeyNames.swift: what the counters of a policy set are called in Redis.
//
//   weir:{DIGEST}:domain:policy:aATTRIBUTES
//
// DIGEST stands for the values of the key's attributes (KeyDigest), and is the hash tag: policies with the same key keep
// a client's counters together. `a` is the algorithm (t, f, w, l), ATTRIBUTES the digest of the key's attribute names, 48
// bits of it: together with the names they are the counter's identity (CounterIdentity), so that a policy which counts
// otherwise starts afresh. Names of domains and policies hold no colon.

import Limiting
public import Policies

/// The names of one policy set's counters. Immutable, shared by all workers.
public final class KeyNames: Sendable {
  /// Names nothing: for a set without policies in Redis.
  public static let none = KeyNames([])

  /// The domains that have policies in Redis, in order.
  let domains: [String]
  /// What follows the digest, of all policies; the i-th policy's is `suffixes[ends[i - 1]..<ends[i]]`.
  private let suffixes: [UInt8]
  private let ends: [Int32]

  static let prefix: StaticString = "weir:{"

  public init(_ policies: [Policy]) {
    var suffixes: [UInt8] = []
    var ends: [Int32] = []
    for policy in policies {
      suffixes.append(contentsOf: "}:\(policy.domain):\(policy.name):\(Self.letter(policy.limit.algorithm))".utf8)
      KeyDigest(Self.bytes(policy.key).span).appendShort(to: &suffixes)
      ends.append(Int32(suffixes.count))
    }
    self.suffixes = suffixes
    self.ends = ends
    domains = Set(policies.filter { $0.store == .redis }.map(\.domain)).sorted()
  }

  /// Appends the name of a counter, as an argument of a command: its length, a line's end, and its bytes.
  func appendArgument(_ digest: KeyDigest, policy: Int32, to bytes: inout [UInt8]) {
    let start = policy == 0 ? 0 : Int(ends[Int(policy) - 1])
    let end = Int(ends[Int(policy)])
    RedisArgument.begin(count: Self.prefix.utf8CodeUnitCount + KeyDigest.textCount + end - start, in: &bytes)
    bytes.append(Self.prefix)
    digest.append(to: &bytes)
    bytes.append(contentsOf: suffixes[start..<end])
    RedisArgument.end(in: &bytes)
  }

  /// The set of live weirs of a domain.
  static func live(in domain: String) -> [UInt8] {
    var name = Array("weir:live:{".utf8)
    KeyDigest(Array(domain.utf8).span).append(to: &name)
    name.append(UInt8(ascii: "}"))
    return name
  }

  private static func letter(_ algorithm: Algorithm) -> String {
    switch algorithm {
    case .tokenBucket: "t"
    case .fixedWindow: "f"
    case .slidingWindow: "w"
    case .slidingLog: "l"
    }
  }

  /// Attribute names, each after its length.
  private static func bytes(_ key: [AttributeName]) -> [UInt8] {
    key.flatMap { name in
      let text = Array(name.text.utf8)
      return lengthBytes(UInt32(text.count)) + text
    }
  }

  private static func lengthBytes(_ count: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: count >> UInt32(24 - 8 * $0)) }
  }
}
