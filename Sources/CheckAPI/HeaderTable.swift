// HeaderTable.swift: which headers of a request mean something, by the hash that the parser already has. Built once a
// policy set; a header that means nothing costs one look at a small table.

import HTTP1
public import Policies

/// The headers that a check reads: those that the settings name, and those that the policies use.
public struct HeaderTable: Sendable {
  struct Roles: OptionSet, Sendable {
    let rawValue: UInt8
    static let target = Roles(rawValue: 1)
    static let method = Roles(rawValue: 2)
    static let host = Roles(rawValue: 4)
    static let clientIP = Roles(rawValue: 8)
  }

  struct Entry: Sendable {
    var hash: UInt32
    var roles: Roles
    /// The attribute's number in the policy set, or -1.
    var list: Int32
    var name: [UInt8]
  }

  private(set) var entries: [Entry] = []
  /// Open addressing at a quarter's load: an index into `entries`, or -1.
  private var places: [Int32]

  public init(_ settings: APISettings, _ set: PolicySet) {
    var wanted: [String: (roles: Roles, list: Int32)] = [:]
    for (name, role) in [
      (settings.targetHeader, Roles.target), (settings.methodHeader, .method), (settings.hostHeader, .host),
      (settings.clientIPHeader, .clientIP),
    ] {
      wanted[name, default: ([], -1)].roles.insert(role)
    }
    for (name, list) in set.headers { wanted[name, default: ([], -1)].list = list }
    var size = 16
    while size < wanted.count * 4 { size *= 2 }
    places = Array(repeating: -1, count: size)
    for (name, meaning) in wanted.sorted(by: { $0.key < $1.key }) {
      let hash = HeaderName.hash(of: name)
      var place = Int(hash) & (size - 1)
      while places[place] >= 0 { place = (place + 1) & (size - 1) }
      places[place] = Int32(entries.count)
      entries.append(Entry(hash: hash, roles: meaning.roles, list: meaning.list, name: Array(name.utf8)))
    }
  }

  /// The entry of a header, as an index, or -1.
  func find(_ header: Header, in bytes: Span<UInt8>) -> Int {
    let mask = places.count - 1
    var place = Int(header.nameHash) & mask
    while places[place] >= 0 {
      let index = Int(places[place])
      if entries[index].hash == header.nameHash,
        HeaderName.matches(bytes, header.name, lowercased: entries[index].name)
      {
        return index
      }
      place = (place + 1) & mask
    }
    return -1
  }
}
