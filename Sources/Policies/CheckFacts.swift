// CheckFacts.swift: a filled check as plain values, for whoever explains it. What a value is once it is normalised was
// settled when the check was filled, so that an explanation and a match speak of the same bytes.

/// The attributes of one check, apart from its arena.
struct CheckFacts {
  let ip: IPAddress?
  /// Those of the normalised path.
  let segments: [[UInt8]]
  private let set: PolicySet
  /// By the number that the set gives to an attribute; nil where it is absent.
  private let lists: [[[UInt8]]?]

  /// - Parameter check: Filled for `set`.
  init(_ check: inout Check, _ set: PolicySet) {
    check.finishLists()
    self.set = set
    ip = check.ip
    segments = check.segments.map { Self.copy($0, of: check) }
    var lists: [[[UInt8]]?] = []
    for chain in check.chains {
      var values: [[UInt8]] = []
      var next = chain.first
      while next >= 0 {
        values.append(Self.copy(check.values[Int(next)].range, of: check))
        next = check.values[Int(next)].next
      }
      lists.append(values.isEmpty ? nil : values)
    }
    self.lists = lists
  }

  /// The values of an attribute that some policy names, in the order in which they came; nil where the check lacks it.
  /// Not for `ip`, whose value is an address.
  ///
  /// - Parameter captures: What the policy's path pattern captured.
  func values(of name: AttributeName, captures: [String: [UInt8]]) -> [[UInt8]]? {
    switch name {
    case .method: return lists[Int(Check.List.method)]
    case .path: return lists[Int(Check.List.path)]
    case .host: return lists[Int(Check.List.host)]
    case .ip: return nil
    case .capture(let name): return captures[name].map { [$0] }
    case .header, .query, .custom:
      let list = set.list(named: name.text.utf8.span)
      return list < 0 ? nil : lists[Int(list)]
    }
  }

  private static func copy(_ range: ArenaRange, of check: borrowing Check) -> [UInt8] {
    Array(check.bytes[Int(range.start)..<range.end])
  }
}
