// KeyCall+Query.swift: a key in the query of a request, in one of two forms:
//
//   key=203.0.113.9&key=free            a value a part, in order
//   key=["203.0.113.9",["a","b"]]       once, beginning with [: as in a body, where a part is a list or no UTF-8

public import Policies

extension KeyCall {
  /// - Parameter values: Those of the parameter `key`, decoded, in the order sent.
  /// - Throws: A 400 where one begins like a JSON array and is none, or is not the only one.
  public static func key(query values: [[UInt8]]) throws(Refusal) -> NamedKey {
    guard values.contains(where: { $0.first == UInt8(ascii: "[") }) else {
      return NamedKey(parts: values.map { .value(.text($0)) })
    }
    guard values.count == 1 else {
      throw Refusal(400, "a key with a value that begins with [ is given once, as a JSON array of its parts")
    }
    do throws(Refusal) {
      let text = values[0]
      return try key(JSONValue.parse(text.span))
    } catch {
      throw Refusal(error.status, "parameter key begins with [ and must be a JSON array: \(error.detail)")
    }
  }
}
