// PolicySet+Match.swift: which policies apply to a check, and what they ask of the store.

import Limiting

extension PolicySet {
  /// Fills `check.charges` with one charge for each policy that applies, in the order of the set.
  public func match(_ check: inout Check) {
    check.charges.removeAll(keepingCapacity: true)
    guard check.domain >= 0 else { return }
    check.finishLists()
    program.propose(&check)
    for candidate in check.candidates {
      let policy = program.compiled[Int(candidate)]
      var pattern: Int32 = -1
      guard program.allHold(policy.match, check, &pattern) else { continue }
      if !policy.except.isEmpty {
        // Without paths of its own, `except` speaks of what `match` captured.
        var exceptPattern = pattern
        if program.allHold(policy.except, check, &exceptPattern) { continue }
      }
      program.charge(&check, policy: candidate, policy, pattern)
    }
  }
}

extension PolicyProgram {
  // MARK: Candidates

  /// Fills `check.candidates` with every policy that could apply, ascending, each once.
  fileprivate func propose(_ check: inout Check) {
    check.candidates.removeAll(keepingCapacity: true)
    check.round &+= 1
    if check.round == 0 {
      for index in check.seen.indices { check.seen[index] = 0 }
      check.round = 1
    }
    // Indexed, not copied: a copy of the domain would count references.
    let number = Int(check.domain)
    propose(domains[number].always, &check)
    for index in domains[number].lists.indices {
      let (list, group) = domains[number].lists[index]
      var next = check.chains[Int(list)].first
      while next >= 0 {
        let value = check.values[Int(next)]
        propose(posting: map.value(of: check.bytes.span, value.range, group: group), &check)
        next = value.next
      }
    }
    if domains[number].hostGroup >= 0 { proposeByHost(number, &check) }
    if let ip = check.ip, !domains[number].networks.isEmpty {
      for index in domains[number].networks.memberRange(of: ip) {
        propose(domains[number].networks.member(at: index), &check)
      }
    }
    if domains[number].root >= 0, check.chains[Int(Check.List.path)].first >= 0 {
      walk(domains[number].root, segment: 0, &check)
    }
    sort(&check.candidates)
  }

  private func propose(_ policy: Int32, _ check: inout Check) {
    guard check.seen[Int(policy)] != check.round else { return }
    check.seen[Int(policy)] = check.round
    check.candidates.append(policy)
  }

  private func propose(_ members: Range<Int32>, _ check: inout Check) {
    for index in members { propose(postingMembers[Int(index)], &check) }
  }

  private func propose(posting: Int32, _ check: inout Check) {
    if posting >= 0 { propose(postings[Int(posting)], &check) }
  }

  private func proposeByHost(_ domain: Int, _ check: inout Check) {
    let first = check.chains[Int(Check.List.host)].first
    guard first >= 0 else { return }
    let host = check.values[Int(first)].range
    let group = domains[domain].hostGroup
    propose(posting: map.value(of: check.bytes.span, host, group: group), &check)
    for index in domains[domain].hostLengths {
      guard let rest = Self.subdomainRest(check, host, length: lengths[Int(index)]) else { continue }
      propose(posting: map.value(of: check.bytes.span, rest, group: group + 1), &check)
    }
  }

  /// The last `length` bytes of the host, if a label and a dot stand before them.
  private static func subdomainRest(_ check: borrowing Check, _ host: ArenaRange, length: Int32) -> ArenaRange? {
    guard host.count > length + 1, check.bytes[host.end - Int(length) - 1] == UInt8(ascii: ".") else { return nil }
    return ArenaRange(start: host.end - Int(length), count: Int(length))
  }

  /// Proposes what is filed at or below `node` for the path from `segment` on. As deep as the longest pattern.
  private func walk(_ node: Int32, segment: Int, _ check: inout Check) {
    let here = nodes[Int(node)]
    propose(posting: here.rest, &check)
    guard segment < check.segments.count else {
      propose(posting: here.exact, &check)
      return
    }
    let next = map.value(of: check.bytes.span, check.segments[segment], group: here.edges)
    if next >= 0 { walk(next, segment: segment + 1, &check) }
    if here.wildcard >= 0 { walk(here.wildcard, segment: segment + 1, &check) }
  }

  /// Insertion sort: a handful, mostly in order already; more go to the library's.
  private func sort(_ candidates: inout [Int32]) {
    guard candidates.count <= 32 else {
      candidates.sort()
      return
    }
    var index = 1
    while index < candidates.count {
      let value = candidates[index]
      var hole = index
      while hole > 0, candidates[hole - 1] > value {
        candidates[hole] = candidates[hole - 1]
        hole -= 1
      }
      candidates[hole] = value
      index += 1
    }
  }

  // MARK: Conditions

  fileprivate func allHold(_ range: Range<Int32>, _ check: borrowing Check, _ pattern: inout Int32) -> Bool {
    for index in range where !holds(conditions[Int(index)], check, &pattern) { return false }
    return true
  }

  /// Whether one condition holds. A path condition says in `pattern` which of its patterns matched.
  private func holds(_ condition: Condition, _ check: borrowing Check, _ pattern: inout Int32) -> Bool {
    switch condition {
    case .paths(let range):
      guard check.chains[Int(Check.List.path)].first >= 0 else { return false }
      for index in range where matches(patterns[Int(index)], check) {
        pattern = index
        return true
      }
      return false
    case .hosts(let group, let lengths):
      return hostHolds(group, lengths, check)
    case .networks(let index):
      guard let ip = check.ip else { return false }
      return networks[Int(index)].contains(ip)
    case .oneOf(let source, let group):
      return anyValue(of: source, check, pattern) { map.value(of: check.bytes.span, $0, group: group) >= 0 }
    case .present(let source, let wanted):
      if source == .ip { return (check.ip != nil) == wanted }
      return anyValue(of: source, check, pattern) { _ in true } == wanted
    case .prefix(let source, let prefixes):
      return anyValue(of: source, check, pattern) { value in
        prefixes.contains { Bytes.hasPrefix(check.bytes.span, value, map.strings.span, strings[Int($0)]) }
      }
    }
  }

  private func matches(_ pattern: Pattern, _ check: borrowing Check) -> Bool {
    let count = pattern.segments.count
    guard pattern.matchesRest ? check.segments.count >= count : check.segments.count == count else { return false }
    for index in 0..<count {
      let literal = patternSegments[Int(pattern.segments.lowerBound) + index]
      if literal.count >= 0, !Bytes.equal(check.bytes.span, check.segments[index], map.strings.span, literal) {
        return false
      }
    }
    return true
  }

  private func hostHolds(_ group: Int32, _ wildcardLengths: Range<Int32>, _ check: borrowing Check) -> Bool {
    let first = check.chains[Int(Check.List.host)].first
    guard first >= 0 else { return false }
    let host = check.values[Int(first)].range
    if map.value(of: check.bytes.span, host, group: group) >= 0 { return true }
    for index in wildcardLengths {
      guard let rest = Self.subdomainRest(check, host, length: lengths[Int(index)]) else { continue }
      if map.value(of: check.bytes.span, rest, group: group + 1) >= 0 { return true }
    }
    return false
  }

  // MARK: Values

  private func anyValue(
    of source: Source, _ check: borrowing Check, _ pattern: Int32, _ test: (ArenaRange) -> Bool
  ) -> Bool {
    switch source {
    case .list(let list):
      var next = check.chains[Int(list)].first
      while next >= 0 {
        let value = check.values[Int(next)]
        if test(value.range) { return true }
        next = value.next
      }
      return false
    case .capture(let name):
      guard let segment = captured(name, pattern, check) else { return false }
      return test(segment)
    case .ip:
      return false
    }
  }

  /// The segment that the matched pattern captured under this name.
  func captured(_ name: Int32, _ pattern: Int32, _ check: borrowing Check) -> ArenaRange? {
    guard pattern >= 0 else { return nil }
    for index in patterns[Int(pattern)].captures where captures[Int(index)].name == name {
      return check.segments[Int(captures[Int(index)].segment)]
    }
    return nil
  }
}
