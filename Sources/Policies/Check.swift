// Check.swift: one question: the attributes of a request, as bytes that a policy set can be matched against.
//
// A worker keeps one Check and fills it anew each time, so that no check allocates once its buffers are warm. Only
// attributes that the policy set names are kept: `PolicySet.list(ofHeader:)` and its like give an attribute a number,
// and the values of each number form a chain. All bytes, raw or decoded, live in one arena.

import Limiting

/// The attributes of one check, and what the policy set made of them.
public struct Check: ~Copyable {
  /// One value of an attribute; `next` is the following one of the same attribute, or -1.
  struct Value {
    var range: ArenaRange
    var next: Int32
  }

  /// The chain of an attribute's values; `first` is -1 while the attribute is absent.
  struct Chain {
    var first: Int32 = -1
    var last: Int32 = -1
    var count: Int32 = 0
    /// Its lines wait to be joined and split (`finishLists`).
    var hasQuotes = false
  }

  /// Numbers that every policy set gives to the attributes that are not lists.
  enum List {
    static let method: Int32 = 0
    static let path: Int32 = 1
    static let host: Int32 = 2
    static let firstOther: Int32 = 3
  }

  /// Every byte that a range of this check points into.
  public internal(set) var bytes: [UInt8] = []
  var values: [Value] = []
  var chains: [Chain] = []
  /// The segments of the normalised path.
  var segments: [ArenaRange] = []
  var holdsQuotedLists = false
  public var ip: IPAddress?
  /// The domain's number in the policy set, or -1 where the set has none of that name.
  public internal(set) var domain: Int32 = -1
  /// Multiplies each policy's own cost; 0 looks without spending. In `Bounds.checkCost`.
  public var cost: Int64 = 1
  /// What the matching policies ask of the store, in the order of the set.
  public var charges: [Charge] = []

  // Scratch of the match: policies already considered in this check, and those to consider.
  var seen: [UInt32] = []
  var round: UInt32 = 0
  var candidates: [Int32] = []
  var sorted: [ArenaRange] = []
  /// Where the key that is being built begins.
  var keyStart = 0

  public init() {
    bytes.reserveCapacity(4_096)
    values.reserveCapacity(64)
    segments.reserveCapacity(64)
    charges.reserveCapacity(16)
    candidates.reserveCapacity(64)
    sorted.reserveCapacity(16)
  }

  /// Forgets the previous check. Attributes set from here on have the numbers of `set`.
  public mutating func begin(_ set: PolicySet) {
    bytes.removeAll(keepingCapacity: bytes.capacity <= CheckBounds.keptArena)
    values.removeAll(keepingCapacity: true)
    segments.removeAll(keepingCapacity: true)
    charges.removeAll(keepingCapacity: true)
    if chains.count != set.listCount { chains = Array(repeating: Chain(), count: set.listCount) }
    for index in chains.indices { chains[index] = Chain() }
    if seen.count != set.policies.count {
      seen = Array(repeating: 0, count: set.policies.count)
      round = 0
    }
    holdsQuotedLists = false
    ip = nil
    domain = -1
    cost = 1
  }

  /// Lends the charges, to be decided, and the bytes that hold their keys.
  public mutating func withCharges<Result>(_ body: (inout [Charge], Span<UInt8>) -> Result) -> Result {
    // Taken out meanwhile: the compiler does not see that the two are different fields.
    var charges: [Charge] = []
    swap(&charges, &self.charges)
    defer { swap(&charges, &self.charges) }
    return body(&charges, bytes.span)
  }

  // MARK: Setting attributes

  public mutating func setDomain(_ name: Span<UInt8>, in set: PolicySet) {
    domain = set.domain(named: name)
  }

  /// The method, as it is: methods are case-sensitive (RFC 9110 section 9.1).
  public mutating func setMethod(_ method: Span<UInt8>) {
    replaceValue(of: List.method, with: append(method))
  }

  /// The host: lowered, without port and last dot.
  public mutating func setHost(_ host: Span<UInt8>) {
    let count = Self.hostCount(host)
    let start = bytes.count
    for index in 0..<count {
      bytes.append(Self.lowered(host[index]))
    }
    replaceValue(of: List.host, with: ArenaRange(start: start, count: count))
  }

  /// A custom attribute of the JSON form: one value, as it is.
  public mutating func setCustom(_ list: Int32, to value: Span<UInt8>) {
    replaceValue(of: list, with: append(value))
  }

  static func lowered(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  /// How much of `host` remains without a port and last dots. What follows the first colon is a port, whatever it holds:
  /// gateways route `a.example:x` like `a.example`, and it must not count as another host. In brackets, and in a bare
  /// IPv6 address, colons are no ports.
  private static func hostCount(_ host: Span<UInt8>) -> Int {
    var count = 0
    if host.count > 0, host[0] == UInt8(ascii: "[") {
      while count < host.count, host[count] != UInt8(ascii: "]") { count += 1 }
      count = min(count + 1, host.count)
    } else if IPAddress(host) != nil {
      count = host.count
    } else {
      while count < host.count, host[count] != UInt8(ascii: ":") { count += 1 }
    }
    while count > 0, host[count - 1] == UInt8(ascii: ".") { count -= 1 }
    return count
  }

  // MARK: The arena

  mutating func append(_ span: Span<UInt8>) -> ArenaRange {
    let start = bytes.count
    unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    return ArenaRange(start: start, count: span.count)
  }

  mutating func replaceValue(of list: Int32, with range: ArenaRange) {
    chains[Int(list)] = Chain()
    addValue(range, to: list)
  }

  mutating func addValue(_ range: ArenaRange, to list: Int32) {
    let index = Int32(values.count)
    values.append(Value(range: range, next: -1))
    if chains[Int(list)].first < 0 {
      chains[Int(list)].first = index
    } else {
      values[Int(chains[Int(list)].last)].next = index
    }
    chains[Int(list)].last = index
    chains[Int(list)].count += 1
  }
}
