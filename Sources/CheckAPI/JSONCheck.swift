// JSONCheck.swift: the JSON form: a check as a program writes it. jansson reads it, duplicates and trailing text
// refused; every member is known, typed and bounded here.

import CJansson
import Limiting
public import Policies

/// Makes a check of a JSON body.
public enum JSONCheck {
  /// Bytes of a body, at most.
  public static let maximumBody = 65_536

  /// Fills `check`.
  ///
  /// - Returns: The domain's name, for the answer.
  /// - Throws: A 400 that says what is wrong and where.
  public static func fill(_ check: inout Check, _ body: Span<UInt8>, _ set: PolicySet) throws(Refusal) -> String {
    check.begin(set)
    let root = try JSONValue.parse(body)
    guard root.isObject else { throw Refusal(400, "the body must be a JSON object") }
    var domain = PolicyName.defaultDomain
    var members = root.firstMember
    while let member = members {
      let value = root.value(of: member)
      switch root.name(of: member) {
      case "domain": domain = try Self.domain(value)
      case "cost": check.cost = try cost(value)
      case "attributes": try attributes(value, &check, set)
      case let name: throw Refusal(400, "unknown member \"\(name)\"; known are domain, cost and attributes")
      }
      members = root.member(after: member)
    }
    check.setDomain(domain.utf8.span, in: set)
    return domain
  }

  static func domain(_ value: JSONValue) throws(Refusal) -> String {
    guard let text = value.string else { throw Refusal(400, "domain must be a string") }
    try requireDomain(text)
    return text
  }

  static func requireDomain(_ name: String) throws(Refusal) {
    guard PolicyName.isValid(name.utf8) else {
      throw Refusal(400, "domain must be [a-z0-9] then [a-z0-9._-], at most \(PolicyName.maximumLength) bytes")
    }
  }

  static func cost(_ value: JSONValue) throws(Refusal) -> Int64 {
    guard let cost = value.integer, Bounds.checkCost.contains(cost) else {
      throw Refusal(400, "cost must be a whole number from 0 to \(Bounds.checkCost.upperBound)")
    }
    return cost
  }

  private static func attributes(_ value: JSONValue, _ check: inout Check, _ set: PolicySet) throws(Refusal) {
    guard value.isObject else { throw Refusal(400, "attributes must be an object of strings") }
    var members = value.firstMember
    while let member = members {
      let attribute = value.value(of: member)
      guard attribute.isString else {
        throw Refusal(400, "attributes.\(value.name(of: member)) must be a string")
      }
      var problem: Refusal?
      value.withName(of: member) { name in
        attribute.withString { text in problem = Self.setAttribute(name, text, &check, set) }
      }
      if let problem { throw problem }
      members = value.member(after: member)
    }
  }

  /// Sets one attribute; what is wrong with it, or nil.
  static func setAttribute(
    _ name: Span<UInt8>, _ text: Span<UInt8>, _ check: inout Check, _ set: PolicySet
  ) -> Refusal? {
    let list = set.list(named: name)
    guard let attribute = AttributeName(String(copying: name)) else {
      return Refusal(
        400,
        "unknown attribute \"\(String(copying: name))\"; use method, path, host, ip, header.NAME, query.NAME, "
          + "path.NAME or a name of [a-z][a-z0-9_-]*")
    }
    switch attribute {
    case .method: check.setMethod(text)
    case .path: check.setPath(text)
    case .host: check.setHost(text)
    case .ip:
      guard let address = ClientAddress.address(in: text) else {
        return Refusal(400, "attributes.ip \"\(String(copying: text))\" is no IP address")
      }
      check.ip = address
    case .header, .query:
      let list = list >= 0 ? list : set.list(named: attribute.text.utf8.span)
      if list >= 0 { check.addLine(text, to: list) }
    case .custom:
      if list >= 0 { check.setCustom(list, to: text) }
    case .capture:
      break  // a policy captures it from `path` itself
    }
    return nil
  }
}

extension String {
  /// The text of some bytes; what is no UTF-8 becomes U+FFFD.
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
