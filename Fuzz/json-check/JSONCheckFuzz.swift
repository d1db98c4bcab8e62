// JSONCheckFuzz.swift: any bytes as the body of a check in the JSON form.
//
// What must hold: a slow reading of the same bytes by other means accepts and refuses the same bodies, and every key and
// cost that a policy set makes of an accepted one is the one that the slow rules give; white space, escapes and the
// order of the members do not count; anything behind the body, or a member twice, is refused.

import Limiting

@testable import CheckAPI
@testable import Policies

enum JSONCheckFuzz {
  /// What came of a body.
  private struct Outcome {
    var domain: String
    var asked: Asked
  }

  static func check(_ input: [UInt8]) throws(Broken) {
    let expected = ReferenceJSON(input).flatMap(facts)
    let found = try outcome(input)
    try require((found == nil) == (expected == nil), found == nil ? "a proper body was refused" : "a wrong body passed")
    guard let found, let expected else { return }
    try require(Array(found.domain.utf8) == expected.domain, "another domain")
    try KeyedSet.requireSame(found.asked, KeyedSet.expected(expected), "the slow reading differs")
    try checkForms(input, found)
  }

  // MARK: Invariants

  private static func checkForms(_ input: [UInt8], _ found: Outcome) throws(Broken) {
    guard let whole = ReferenceJSON(input) else { return }
    for style in [JSONStyle.plain, .spaced, .escaped] {
      let other = try outcome(style.text(whole))
      try require(other?.domain == found.domain, "written \(style), it is another check")
      try KeyedSet.requireSame(other?.asked ?? [:], found.asked, "written \(style)")
    }
    for tail in ["x", "{}", ",", "\0", "\"", "]"] {
      try require(try outcome(input + tail.utf8) == nil, "\(tail) behind a body passed")
    }
    try require(try outcome(Array("[".utf8) + input + Array("]".utf8)) == nil, "a list passed")
    guard case .object(let members) = whole, let first = members.first else { return }
    let twice = JSONStyle.plain.text(.object(members + [first]))
    try require(try outcome(twice) == nil, "a member given twice passed")
  }

  // MARK: Both readings

  /// nil where it is refused.
  private static func outcome(_ body: [UInt8]) throws(Broken) -> Outcome? {
    var check = Check()
    let domain: String
    do throws(Refusal) {
      domain = try JSONCheck.fill(&check, body.span, KeyedSet.set)
    } catch {
      try require(error.status == 400 && !error.detail.isEmpty, "a refusal of another kind")
      return nil
    }
    try require(Bounds.checkCost.contains(check.cost), "a cost out of its range")
    return Outcome(domain: domain, asked: KeyedSet.asked(&check))
  }

  /// The facts of a body, by the contract's words; nil where they refuse it.
  private static func facts(_ body: ReferenceJSON) -> Facts? {
    guard case .object(let members) = body else { return nil }
    var facts = Facts()
    for member in members {
      switch (String(decoding: member.name, as: UTF8.self), member.value) {
      case ("domain", .string(let name)):
        guard isDomain(name) else { return nil }
        facts.domain = name
      case ("cost", .integer(let cost)):
        guard cost >= 0, cost <= 1_000_000_000 else { return nil }
        facts.cost = cost
      case ("attributes", .object(let attributes)):
        for attribute in attributes {
          guard case .string(let value) = attribute.value, add(attribute.name, value, to: &facts) else { return nil }
        }
      default: return nil
      }
    }
    return facts
  }

  /// Whether there is such an attribute, and it may have this value.
  private static func add(_ name: [UInt8], _ value: [UInt8], to facts: inout Facts) -> Bool {
    let text = String(decoding: name, as: UTF8.self)
    if name.starts(with: "query.".utf8), name.count > 6 {
      if text.dropFirst(6) == "q" { facts.q.append(value) }
      if text.dropFirst(6) == "a b" { facts.spaced.append(value) }
      return true
    }
    if name.starts(with: "header.".utf8), name.count > 7 {
      let letters = lowerCase + lowerCase.map { $0 - 32 }
      guard name.dropFirst(7).allSatisfy((letters + digits + "!#$%&'*+-.^_`|~".utf8).contains) else { return false }
      if text.dropFirst(7).lowercased() == "x-list" { facts.list.append(value) }
      if text.dropFirst(7).lowercased() == "x-cost" { facts.costs.append(value) }
      return true
    }
    if name.starts(with: "path.".utf8), let first = name.dropFirst(5).first {
      let letters = lowerCase + lowerCase.map { $0 - 32 } + "_".utf8
      return letters.contains(first) && name.dropFirst(5).allSatisfy((letters + digits + "-".utf8).contains)
    }
    guard let first = name.first, lowerCase.contains(first),
      name.allSatisfy((lowerCase + digits + "_-".utf8).contains)
    else { return false }
    switch text {
    case "method": facts.method = value
    case "path": facts.path = ReferenceFacts.target(value).path
    case "host": facts.host = ReferenceFacts.host(value)
    case "plan": facts.plan = value
    case "ip":
      guard let address = ReferenceFacts.address(value) else { return false }
      facts.ip = address
    default: break
    }
    return true
  }

  private static let lowerCase = Array("abcdefghijklmnopqrstuvwxyz".utf8)
  private static let digits = Array("0123456789".utf8)

  private static func isDomain(_ name: [UInt8]) -> Bool {
    guard let first = name.first, name.count <= 64 else { return false }
    return (lowerCase + digits).contains(first) && name.allSatisfy((lowerCase + digits + "._-".utf8).contains)
  }
}

/// How a body is written anew.
private enum JSONStyle {
  case plain
  /// Blanks wherever they may stand, and the members of the body in the other order.
  case spaced
  /// Every character of a text as an escape.
  case escaped

  func text(_ value: ReferenceJSON, depth: Int = 0) -> [UInt8] {
    let blank = self == .spaced ? Array(" \r\n\t".utf8) : []
    let inner: [UInt8]
    switch value {
    case .object(let members):
      // Within `attributes` the order of the lines of one header may count, as it does over HTTP.
      let members = self == .spaced && depth == 0 ? members.reversed() : members
      let texts = members.map { quoted($0.name) + blank + [UInt8(ascii: ":")] + text($0.value, depth: depth + 1) }
      inner = Array("{".utf8) + blank + texts.joined(separator: ",".utf8) + Array("}".utf8)
    case .array(let elements):
      inner =
        Array("[".utf8) + elements.map { text($0, depth: depth + 1) }.joined(separator: ",".utf8) + Array("]".utf8)
    case .string(let string): inner = quoted(string)
    case .integer(let number): inner = Array(String(number).utf8)
    case .real: inner = Array("0.5".utf8)
    case .bool(let bool): inner = Array(String(bool).utf8)
    case .null: inner = Array("null".utf8)
    }
    return blank + inner + blank
  }

  private func quoted(_ text: [UInt8]) -> [UInt8] {
    var result = "\""
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if self == .escaped || scalar.value < 0x20 || scalar == "\"" || scalar == "\\" {
        for unit in String(Character(scalar)).utf16 {
          let digits = String(unit, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return Array((result + "\"").utf8)
  }
}
