// KeyNames.swift: what the counters of a policy set are called in Redis.
//
//   counter of a key   weir:{D}:domain:policy:aXXXXXXXX     D: 22 digits over the bytes of the key
//   weirs of a domain  weir:live:{D}                        D: 22 digits over the domain's name
//
// `a` is the algorithm: t token-bucket, f fixed-window, w sliding-window, l sliding-log. X stands for 8 digits over the
// key's attribute names, so that a policy whose key list changes gets new counters (`CounterIdentity`). Digits are
// base64url (RFC 4648 section 5) of the front of a SHA-256, which nobody can make collide; 128 bits of it for what
// clients choose. So user bytes never stand in a name, and equal keys of a domain's policies share a hash tag, and with
// it a slot of a Redis cluster. Domain and policy names hold no colon and no brace.

import COpenSSL
import Limiting
public import Policies

/// The names of one policy set's counters. Immutable, shared by all workers.
public final class KeyNames: Sendable {
  /// Names nothing: for a set without policies in Redis.
  public static let none = KeyNames([])

  /// The domains that have policies in Redis, sorted.
  let domains: [String]
  /// What stands behind the digits of a key, for all policies of the set, one behind the other; and where each ends.
  private let tails: [UInt8]
  private let ends: [Int]

  private static let head = Array("weir:{".utf8)
  /// Digits of a whole 128 bits.
  private static let tagDigits = 22

  /// - Parameter policies: In the order of the set: a charge names its policy by the place there.
  public init(_ policies: [Policy]) {
    var tails: [UInt8] = []
    ends = policies.map { policy in
      tails += Self.tail(policy)
      return tails.count
    }
    self.tails = tails
    domains = Set(policies.lazy.filter { $0.store == .redis }.map(\.domain)).sorted()
  }

  /// Bytes of a name that `append` writes for `policy`.
  func count(policy: Int) -> Int {
    Self.head.count + Self.tagDigits + ends[policy] - start(policy)
  }

  /// Appends the name of the counter that `key` has under `policy`, a place in the set.
  func append(policy: Int, key: Span<UInt8>, to buffer: inout [UInt8]) {
    buffer += Self.head
    Self.appendDigits(Self.tagDigits, of: key, to: &buffer)
    unsafe tails.withUnsafeBufferPointer { tails in
      // SAFETY: both lie in `0...tails.count`, in this order; a place beyond the set traps at `ends`.
      unsafe buffer.append(contentsOf: UnsafeBufferPointer(rebasing: tails[start(policy)..<ends[policy]]))
    }
  }

  /// Where the weirs that serve `domain` announce themselves.
  static func live(domain: String) -> [UInt8] {
    var name = Array("weir:live:{".utf8)
    appendDigits(tagDigits, of: Array(domain.utf8).span, to: &name)
    return name + "}".utf8
  }

  private func start(_ policy: Int) -> Int { policy == 0 ? 0 : ends[policy - 1] }

  private static func tail(_ policy: Policy) -> [UInt8] {
    var list: [UInt8] = []
    for name in policy.key {
      let text = Array(name.text.utf8)
      for shift in stride(from: 24, through: 0, by: -8) { list.append(UInt8(truncatingIfNeeded: text.count >> shift)) }
      list += text
    }
    var tail = Array("}:\(policy.domain):\(policy.name):".utf8)
    tail.append(letter(policy.limit.algorithm))
    appendDigits(8, of: list.span, to: &tail)
    return tail
  }

  private static func letter(_ algorithm: Algorithm) -> UInt8 {
    switch algorithm {
    case .tokenBucket: UInt8(ascii: "t")
    case .fixedWindow: UInt8(ascii: "f")
    case .slidingWindow: UInt8(ascii: "w")
    case .slidingLog: UInt8(ascii: "l")
    }
  }

  /// Appends the first `count` (at most 22) base64url digits of the first 128 bits of a SHA-256.
  private static func appendDigits(_ count: Int, of bytes: Span<UInt8>, to buffer: inout [UInt8]) {
    var sum = InlineArray<32, UInt8>(repeating: 0)
    var context = SHA256_CTX()
    unsafe bytes.withUnsafeBytes { bytes in
      var span = sum.mutableSpan
      // SAFETY: the context is initialised first, and SHA-256 writes 32 bytes.
      let done = unsafe span.withUnsafeMutableBufferPointer { sum in
        unsafe SHA256_Init(&context) + SHA256_Update(&context, bytes.baseAddress, bytes.count)
          + SHA256_Final(sum.baseAddress, &context)
      }
      precondition(done == 3, "SHA-256 takes any bytes")
    }
    for digit in 0..<count {
      // Behind the 128th bit stand zeros, as in base64.
      let bit = digit * 6
      let next = bit / 8 < 15 ? sum[bit / 8 + 1] : 0
      let pair = UInt16(sum[bit / 8]) << 8 | UInt16(next)
      buffer.append(base64Digit(UInt8(truncatingIfNeeded: pair >> UInt16(10 - bit % 8) & 63)))
    }
  }

  private static func base64Digit(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "-")
    default: UInt8(ascii: "_")
    }
  }
}
