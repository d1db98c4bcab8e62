// KeyCall.swift: what an operator says about one key, as the body of a request:
//
//   {"domain": "default", "policy": "per-address", "key": ["203.0.113.9"], "amount": 100, "for": "10m", "note": "launch"}
//
// A part of the key is a string, which names the key that a check with such an attribute counts under; an array of
// strings where a header or query parameter has several values; or, in place of a string, an object {"hex": "…"} with the
// bytes that the key holds. `"key": null` is the counter of checks that lack an attribute of the key.

public import Policies

/// A call about one key.
public struct KeyCall: Sendable, Equatable {
  public var domain = PolicyName.defaultDomain
  public var policy = ""
  public var key = NamedKey(parts: [])
  /// nil: not given.
  public var amount: Int64?
  /// Seconds since the Unix epoch; nil: not given.
  public var until: Int64?
  /// A duration as policy files have it; nil: not given.
  public var lasting: String?
  /// For the log, and for whoever looks at the order later.
  public var note = ""

  /// Characters (Unicode scalars) of a note, at most: a line.
  public static let longestNote = 200

  public init() {}

  /// A member beyond `domain`, `policy`, `key` and `note`, which every call takes.
  public enum Member: String, Sendable {
    case amount, until
    case lasting = "for"
  }

  /// - Parameter members: What this call takes besides.
  /// - Throws: A 400 that says what is wrong and where.
  public init(json body: Span<UInt8>, taking members: [Member]) throws(Refusal) {
    let root = try JSONValue.parse(body)
    guard root.isObject else { throw Refusal(400, "the body must be a JSON object") }
    var hasKey = false
    var next = root.firstMember
    while let member = next {
      let value = root.value(of: member)
      let name = root.name(of: member)
      switch (name, Member(rawValue: name)) {
      case ("domain", _): domain = try JSONCheck.domain(value)
      case ("policy", _): policy = try Self.policy(value)
      case ("key", _):
        key = try Self.key(value)
        hasKey = true
      case ("note", _): note = try Self.note(value)
      case (_, .amount) where members.contains(.amount): amount = try Self.integer(value, name)
      case (_, .until) where members.contains(.until): until = try Self.integer(value, name)
      case (_, .lasting) where members.contains(.lasting): lasting = try Self.string(value, name)
      default:
        let known = ["domain", "policy", "key", "note"] + members.map(\.rawValue)
        throw Refusal(400, "unknown member \"\(name)\"; known are \(known.joined(separator: ", "))")
      }
      next = root.member(after: member)
    }
    guard !policy.isEmpty else { throw Refusal(400, "policy is missing") }
    guard hasKey else {
      throw Refusal(400, "key is missing: an array with a part for each attribute of the policy's key")
    }
  }

  private static func string(_ value: JSONValue, _ name: String) throws(Refusal) -> String {
    guard let text = value.string else { throw Refusal(400, "\(name) must be a string") }
    return text
  }

  private static func integer(_ value: JSONValue, _ name: String) throws(Refusal) -> Int64 {
    guard let number = value.integer else { throw Refusal(400, "\(name) must be a whole number") }
    return number
  }

  private static func policy(_ value: JSONValue) throws(Refusal) -> String {
    let name = try string(value, "policy")
    guard PolicyName.isValid(name.utf8) else { throw Refusal(400, "policy must be the name of a policy") }
    return name
  }

  private static func note(_ value: JSONValue) throws(Refusal) -> String {
    let note = try string(value, "note")
    // Scalars, not what looks like one character: of combining marks a single one may hold any number.
    guard note.unicodeScalars.count <= longestNote, !note.unicodeScalars.contains(where: isControl) else {
      throw Refusal(400, "note must be at most \(longestNote) characters, without control characters")
    }
    return note
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
  }

  // MARK: The key

  static func key(_ value: JSONValue) throws(Refusal) -> NamedKey {
    if value.isNull { return .shared }
    guard let elements = value.elements else {
      throw Refusal(400, "key must be an array with a part for each attribute of the policy's key, or null")
    }
    var parts: [NamedKey.Part] = []
    for element in elements { parts.append(try part(element)) }
    return NamedKey(parts: parts)
  }

  private static func part(_ value: JSONValue) throws(Refusal) -> NamedKey.Part {
    guard let elements = value.elements else { return .value(try named(value)) }
    var values: [NamedKey.Value] = []
    for element in elements { values.append(try named(element)) }
    return .values(values)
  }

  private static func named(_ value: JSONValue) throws(Refusal) -> NamedKey.Value {
    if let text = value.string { return .text(Array(text.utf8)) }
    if value.isObject, let member = value.firstMember, value.name(of: member) == "hex",
      value.member(after: member) == nil,
      let digits = value.value(of: member).string, let bytes = decodeHex(digits)
    {
      return .bytes(bytes)
    }
    throw Refusal(400, "a part of key must be a string, an array of strings, or {\"hex\": \"…\"}")
  }

  private static func decodeHex(_ digits: String) -> [UInt8]? {
    let digits = Array(digits.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Bytes.hexValue(digits[index]), let low = Bytes.hexValue(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}
