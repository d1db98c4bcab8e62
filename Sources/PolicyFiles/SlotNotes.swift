// SlotNotes.swift: which policies make a Redis cluster decide a check in two steps.
//
// In a cluster the values of a policy's key choose the slot of its counter, and the domain's name does where it has no
// key. So policies with the same key list count a check in one slot, and those with other lists perhaps in another.

public import Policies

public enum SlotNotes {
  /// Lines for one domain, at most: who has more pairs of key lists than this reads them no longer.
  static let mostNotes = 20
  /// Names of one key list in a line, at most.
  static let mostNames = 4
  /// Comparisons of policies for one pair of key lists, at most (about a tenth of a second). What was not compared is
  /// taken to meet.
  static let mostComparisons = 100_000

  /// A sentence for each two key lists of a domain's policies in Redis that one check can meet, in the order of files.
  public static func notes(_ policies: [Policy]) -> [String] {
    var domains: [String] = []
    var byDomain: [String: [Group]] = [:]
    var places: [Place: Int] = [:]
    for policy in policies where policy.store == .redis {
      let place = Place(domain: policy.domain, key: policy.key)
      if byDomain[policy.domain] == nil { domains.append(policy.domain) }
      if let index = places[place] {
        byDomain[policy.domain]?[index].members.append(policy)
      } else {
        places[place] = byDomain[policy.domain, default: []].count
        byDomain[policy.domain, default: []].append(Group(key: policy.key, members: [policy]))
      }
    }
    return domains.flatMap { notes(domain: $0, byDomain[$0] ?? []) }
  }

  private struct Place: Hashable {
    var domain: String
    var key: [AttributeName]
  }

  /// Policies of one domain that share a slot for any one check.
  private struct Group {
    var key: [AttributeName]
    var members: [Policy]

    func text(_ isMember: [Bool]) -> String {
      let names = zip(members, isMember).filter(\.1).map { "\"\($0.0.name)\"" }
      let shown = names.prefix(names.count > mostNames ? mostNames - 1 : mostNames)
      let list =
        names.count > mostNames
        ? shown.joined(separator: ", ") + " or \(names.count - shown.count) others"
        : shown.dropLast().joined(separator: ", ") + (shown.count > 1 ? " or " : "") + (shown.last ?? "")
      return list + (key.isEmpty ? " (no key)" : " (key: \(key.map(\.text).joined(separator: ", ")))")
    }
  }

  private static func notes(domain: String, _ groups: [Group]) -> [String] {
    var notes: [String] = []
    var notShown = 0
    for second in groups.indices {
      for first in 0..<second {
        guard let meeting = meeting(groups[first], groups[second]) else { continue }
        guard notes.count < mostNotes else {
          notShown += 1
          continue
        }
        notes.append(
          "domain \(domain): in a Redis cluster a check that matches \(groups[first].text(meeting.first)) and "
            + "\(groups[second].text(meeting.second)) is decided in two steps, since their counters may live in "
            + "different slots")
      }
    }
    if notShown > 0 { notes.append("domain \(domain): \(notShown) more pairs of key lists not shown") }
    return notes
  }

  /// Which members of each group meet one of the other's; nil where none does.
  private static func meeting(_ one: Group, _ other: Group) -> (first: [Bool], second: [Bool])? {
    guard one.members.count * other.members.count <= mostComparisons else {
      return (one.members.map { _ in true }, other.members.map { _ in true })
    }
    var first = one.members.map { _ in false }
    var second = other.members.map { _ in false }
    let others = other.members.map(Meeting.init)
    for (row, member) in one.members.map(Meeting.init).enumerated() {
      for (column, other) in others.enumerated() where member.isPossible(with: other) {
        first[row] = true
        second[column] = true
      }
    }
    return first.contains(true) ? (first, second) : nil
  }
}
