// PolicySet.swift: all policies of one load, compiled for the path of a check: flat arrays, numbers instead of names,
// immutable, shared by all workers. PolicyCompiler fills it; PolicySet+Match and PolicySet+Key read it.

import Limiting

/// All rules of one load. Immutable; a reload makes another.
public final class PolicySet: Sendable {
  /// The policies as written, in order of file and position: `Charge.policy` counts in it.
  public let policies: [Policy]
  /// The counter of each policy.
  public let slots: [UInt32]
  /// How many attributes this set numbers (see `Check.begin`).
  public let listCount: Int
  /// The headers that policies use, lower case, with their numbers: what a gateway check must look for.
  public let headers: [(name: String, list: Int32)]
  /// Whether any policy counts in Redis.
  public let usesRedis: Bool
  /// Which of the attributes that cost something to find any policy uses.
  public let uses: Uses
  let program: PolicyProgram

  public struct Uses: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let method = Uses(rawValue: 1)
    public static let path = Uses(rawValue: 2)
    public static let host = Uses(rawValue: 4)
    public static let ip = Uses(rawValue: 8)
    public static let query = Uses(rawValue: 16)
  }

  /// Compiles `policies`.
  ///
  /// - Parameters:
  ///   - policies: Valid, in order of file and position.
  ///   - slots: The counter of each, in the same order; distinct.
  ///   - ipv6Prefix: How many bits of an IPv6 address count in keys, 0 to 128.
  ///   - shadowAll: Every policy decides and reports but never denies.
  public init(_ policies: [Policy], slots: [UInt32], ipv6Prefix: Int = 64, shadowAll: Bool = false) {
    precondition(policies.count == slots.count, "one slot a policy")
    var compiler = PolicyCompiler(ipv6Prefix: ipv6Prefix, shadowAll: shadowAll)
    for (policy, slot) in zip(policies, slots) { compiler.add(policy, slot: slot) }
    program = compiler.finish()
    self.policies = policies
    self.slots = slots
    usesRedis = policies.contains { $0.store == .redis }
    listCount = compiler.listCount
    headers = compiler.headers
    uses = compiler.uses
  }

  /// How many bits of an IPv6 address count in keys.
  public var ipv6Prefix: Int { program.ipv6Prefix }

  /// The number of the domain, or -1.
  func domain(named name: Span<UInt8>) -> Int32 {
    program.map.value(of: name, ArenaRange(start: 0, count: name.count), group: PolicyProgram.Group.domains)
  }

  func list(ofQuery bytes: Span<UInt8>, _ name: ArenaRange) -> Int32 {
    program.map.value(of: bytes, name, group: PolicyProgram.Group.queries)
  }

  /// The number of the attribute that the JSON form calls `name` (`header.x-plan`, `query.q`, `plan`), or -1 where no
  /// policy uses it. `method`, `path`, `host` and `ip` have setters of their own.
  public func list(named name: Span<UInt8>) -> Int32 {
    program.map.value(of: name, ArenaRange(start: 0, count: name.count), group: PolicyProgram.Group.names)
  }
}

/// The compiled form. Ranges point into the arrays beside them.
struct PolicyProgram: Sendable {
  /// Groups of `map` that every set has.
  enum Group {
    static let domains: Int32 = 0
    static let queries: Int32 = 1
    static let names: Int32 = 2
    static let firstFree: Int32 = 3
  }

  /// Where a fact about a check is found.
  enum Source: Sendable, Hashable {
    /// A chain of the check.
    case list(Int32)
    case ip
    /// A capture of the policy's own path pattern, by the number of its name.
    case capture(Int32)
  }

  enum Condition: Sendable {
    /// Any of these patterns.
    case paths(Range<Int32>)
    /// Exact hosts in `group`, `*.` hosts in `group + 1`, whose lengths `lengths` lists.
    case hosts(group: Int32, lengths: Range<Int32>)
    case networks(Int32)
    /// Any value of the source is in the group.
    case oneOf(Source, group: Int32)
    case present(Source, Bool)
    /// Any value of the source begins with any of these strings.
    case prefix(Source, strings: Range<Int32>)
  }

  struct Pattern: Sendable {
    var segments: Range<Int32>
    var captures: Range<Int32>
    var matchesRest: Bool
  }

  /// A capture: the number of its name, and which segment of the path it is.
  struct Capture: Sendable {
    var name: Int32
    var segment: Int32
  }

  struct Cost: Sendable {
    /// nil: always `fallback`.
    var source: Source?
    var fallback: Int64
    var minimum: Int64
    var maximum: Int64
  }

  struct Override: Sendable {
    var parts: Range<Int32>
    var effect: Charge.Effect
    var limit: Limit
    /// The next override filed under the same literal, or -1.
    var next: Int32
  }

  struct Compiled: Sendable {
    var slot: UInt32
    var limit: Limit
    var isShadow: Bool
    var place: Charge.Place
    var onStoreFailure: Policy.OnStoreFailure
    var sharesMissing: Bool
    var match: Range<Int32>
    /// Empty: none.
    var except: Range<Int32>
    var key: Range<Int32>
    var cost: Cost
    /// Key parts by whose value overrides are filed, as ranges of `overrideFiles`.
    var overrideFiles: Range<Int32>
    /// The first override that matches any key, or -1.
    var catchAll: Int32
  }

  /// Overrides filed under the literals of one key part: `map` group to the first override of a chain.
  struct OverrideFile: Sendable {
    var part: Int32
    var group: Int32
  }

  struct Domain: Sendable {
    /// Policies filed under nothing.
    var always: Range<Int32> = 0..<0
    /// Attributes under whose values policies are filed: postings by value in the group.
    var lists: [(list: Int32, group: Int32)] = []
    var hostGroup: Int32 = -1
    var hostLengths: Range<Int32> = 0..<0
    /// The root of the trie, or -1.
    var root: Int32 = -1
    var networks = NetworkMap([])
  }

  /// A node of the trie over path segments; its literal edges, if any, are `map` entries in group `edges`, which is else -1.
  struct Node: Sendable {
    var edges: Int32
    var wildcard: Int32 = -1
    /// Postings, or -1: of patterns that end here, and of those that go on with `**`.
    var exact: Int32 = -1
    var rest: Int32 = -1
  }

  var map = ByteMap()
  var compiled: [Compiled] = []
  var conditions: [Condition] = []
  var patterns: [Pattern] = []
  /// Literal segments; a count of -1 marks a wildcard.
  var patternSegments: [ArenaRange] = []
  var captures: [Capture] = []
  var strings: [ArenaRange] = []
  var lengths: [Int32] = []
  var networks: [NetworkMap] = []
  var keyParts: [Source] = []
  var overrides: [Override] = []
  /// Literals of overrides; a count of -1 matches any.
  var overrideParts: [ArenaRange] = []
  var overrideFiles: [OverrideFile] = []
  var domains: [Domain] = []
  var nodes: [Node] = []
  /// Lists of policies: number to range of `postingMembers`.
  var postings: [Range<Int32>] = []
  var postingMembers: [Int32] = []
  var ipv6Prefix = 64
}
