// DescribedCheck+JSON.swift: a described check as the body of a request:
//
//   {"domain": "api", "cost": 1, "attributes": {"plan": "free"}}
//   {"domain": "api", "method": "GET", "target": "/v1/x?q=1", "host": "a.example", "headers": {"x-plan": "free"}, "ip": "192.0.2.7"}
//
// All members are optional. A header's value is a string, or an array of strings, one a line.

extension DescribedCheck {
  /// - Throws: A 400 that says what is wrong and where.
  public init(json body: Span<UInt8>) throws(Refusal) {
    self.init()
    let root = try JSONValue.parse(body)
    guard root.isObject else { throw Refusal(400, "the body must be a JSON object") }
    var members = root.firstMember
    while let member = members {
      let value = root.value(of: member)
      switch root.name(of: member) {
      case "domain": domain = try JSONCheck.domain(value)
      case "cost": cost = try JSONCheck.cost(value)
      case "method": method = try Self.string(value, "method")
      case "target": target = try Self.string(value, "target")
      case "host": host = try Self.string(value, "host")
      case "ip": ip = try Self.string(value, "ip")
      case "headers": headers = try Self.fields(value, "headers", mayRepeat: true)
      case "attributes": attributes = try Self.fields(value, "attributes", mayRepeat: false)
      case let name:
        throw Refusal(
          400,
          "unknown member \"\(name)\"; known are domain, cost, attributes, method, target, host, headers and ip")
      }
      members = root.member(after: member)
    }
  }

  private static func string(_ value: JSONValue, _ name: String) throws(Refusal) -> String {
    guard let text = value.string else { throw Refusal(400, "\(name) must be a string") }
    return text
  }

  private static func fields(_ object: JSONValue, _ name: String, mayRepeat: Bool) throws(Refusal) -> [Field] {
    guard object.isObject else { throw Refusal(400, "\(name) must be an object of strings") }
    var fields: [Field] = []
    var members = object.firstMember
    while let member = members {
      let field = object.name(of: member)
      let value = object.value(of: member)
      let lines = mayRepeat ? value.elements ?? [value] : [value]
      for line in lines { fields.append(Field(field, try string(line, "\(name).\(field)"))) }
      members = object.member(after: member)
    }
    return fields
  }
}
