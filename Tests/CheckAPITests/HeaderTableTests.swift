// HeaderTableTests.swift: which headers mean something, under names that settings and policies choose.

import HTTP1
import Limiting
import Policies
import Testing

@testable import CheckAPI

@Suite struct HeaderTableTests {
  static func set(_ headers: [String]) -> PolicySet {
    PolicySet([
      Policy(
        name: "p", key: headers.map { .header($0) },
        limit: Limit(algorithm: .tokenBucket, limit: 1, period: 1_000_000_000))
    ])
  }

  /// The entry of a header of this name.
  static func entry(_ name: String, in table: HeaderTable) -> HeaderTable.Entry? {
    let request = Request("GET", "/check", [(name, "v")])
    let index = table.find(request.head.headers.last!, in: request.bytes.span)
    return index < 0 ? nil : table.entries[index]
  }

  static func number(_ name: String, in set: PolicySet) -> Int32 { set.list(named: name.utf8.span) }

  @Test("the four configured names have their role, in any case, and no other name has one")
  func roles() {
    var settings = APISettings()
    settings.targetHeader = "x-target"
    let table = HeaderTable(settings, Self.set([]))
    #expect(Self.entry("X-TARGET", in: table)?.roles == .target)
    #expect(Self.entry("x-forwarded-method", in: table)?.roles == .method)
    #expect(Self.entry("X-Forwarded-Host", in: table)?.roles == .host)
    #expect(Self.entry("X-Forwarded-For", in: table)?.roles == .clientIP)
    for name in ["X-Forwarded-Uri", "X-Real-IP", "X-Forwarded-Method2", "Hosts", "X"] {
      #expect(Self.entry(name, in: table) == nil, "\(name)")
    }
  }

  @Test("one name may have several roles and be an attribute of policies besides")
  func severalMeanings() {
    var settings = APISettings()
    settings.targetHeader = "x-same"
    settings.hostHeader = "x-same"
    let set = Self.set(["x-same", "x-plan"])
    let table = HeaderTable(settings, set)
    #expect(Self.entry("X-Same", in: table)?.roles == [.target, .host])
    #expect(Self.entry("X-Same", in: table)?.list == Self.number("header.x-same", in: set))
    #expect(Self.entry("X-Plan", in: table)?.roles == [])
    #expect(Self.entry("X-Plan", in: table)?.list == Self.number("header.x-plan", in: set))
    #expect(Self.entry("X-Forwarded-Method", in: table)?.list == -1)
  }

  @Test("a thousand headers are all found, each with its own number, and their neighbours are not")
  func many() {
    let names = (0..<1000).map { "x-h\($0)" }
    let set = Self.set(names)
    let table = HeaderTable(APISettings(), set)
    for (number, name) in names.enumerated() {
      #expect(Self.entry(name.uppercased(), in: table)?.list == set.headers[number].list)
      #expect(Self.entry("\(name)x", in: table) == nil)
    }
  }
}
