// JSONValue.swift: the overlay on jansson: as much of it as a check needs. No C type leaves this file.

import CJansson

/// A parsed JSON text, or a part of one, which keeps the whole alive.
@safe final class JSONTree {
  // SAFETY: owned: one reference, given back in `deinit`.
  fileprivate let root: UnsafeMutablePointer<json_t>

  fileprivate init(_ root: UnsafeMutablePointer<json_t>) { unsafe self.root = root }

  deinit { unsafe json_decref(root) }
}

@safe struct JSONValue {
  private let tree: JSONTree
  // SAFETY: borrowed from `tree`.
  private let value: UnsafeMutablePointer<json_t>

  /// A member of an object; valid while its value is.
  @safe struct Member {
    fileprivate let iterator: UnsafeMutableRawPointer
  }

  private init(_ tree: JSONTree, _ value: UnsafeMutablePointer<json_t>) {
    self.tree = tree
    unsafe self.value = value
  }

  /// Reads a whole JSON text (RFC 8259): duplicate members and anything behind the value are errors.
  static func parse(_ body: Span<UInt8>) throws(Refusal) -> JSONValue {
    // No JSON holds a NUL as it is, but jansson passes over one behind a number or a word.
    for offset in body.indices where body[offset] == 0 {
      throw Refusal(400, "malformed JSON: a NUL byte at offset \(offset)")
    }
    var error = json_error_t()
    let root = unsafe body.withUnsafeBytes { raw in
      unsafe json_loadb(
        raw.baseAddress?.assumingMemoryBound(to: CChar.self), raw.count,
        size_t(JSON_REJECT_DUPLICATES) | size_t(JSON_DECODE_ANY) | size_t(JSON_ALLOW_NUL), &error)
    }
    guard let root = unsafe root else {
      let text = unsafe withUnsafeBytes(of: error.text) { raw in
        unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard !body.isEmpty else { throw Refusal(400, "the body is empty") }
      throw Refusal(400, "malformed JSON at line \(error.line), column \(error.column): \(text)")
    }
    return unsafe JSONValue(JSONTree(root), root)
  }

  var isObject: Bool { unsafe value.pointee.type == JSON_OBJECT }
  var isNull: Bool { unsafe value.pointee.type == JSON_NULL }
  var isString: Bool { unsafe value.pointee.type == JSON_STRING }

  /// A whole number; nil for anything else, `1.0` included.
  var integer: Int64? { unsafe value.pointee.type == JSON_INTEGER ? Int64(json_integer_value(value)) : nil }

  var string: String? {
    guard isString else { return nil }
    var text = ""
    withString { text = String(copying: $0) }
    return text
  }

  /// Lends the bytes of a string.
  func withString(_ body: (Span<UInt8>) -> Void) {
    guard let base = unsafe json_string_value(value) else { return }
    // SAFETY: jansson keeps the bytes while the value lives.
    unsafe UnsafeRawPointer(base).withMemoryRebound(to: UInt8.self, capacity: json_string_length(value)) { bytes in
      unsafe body(UnsafeBufferPointer(start: bytes, count: json_string_length(value)).span)
    }
  }

  /// The elements of an array; nil for anything else.
  var elements: [JSONValue]? {
    guard unsafe value.pointee.type == JSON_ARRAY else { return nil }
    return (0..<(unsafe json_array_size(value))).map { unsafe JSONValue(tree, json_array_get(value, $0)) }
  }

  // MARK: Members of an object, in the order written

  var firstMember: Member? { unsafe json_object_iter(value).map { unsafe Member(iterator: $0) } }

  func member(after member: Member) -> Member? {
    unsafe json_object_iter_next(value, member.iterator).map { unsafe Member(iterator: $0) }
  }

  func value(of member: Member) -> JSONValue { unsafe JSONValue(tree, json_object_iter_value(member.iterator)) }

  func name(of member: Member) -> String {
    var text = ""
    withName(of: member) { text = String(copying: $0) }
    return text
  }

  /// Lends the bytes of a member's name. jansson refuses names with NUL.
  func withName(of member: Member, _ body: (Span<UInt8>) -> Void) {
    guard let base = unsafe json_object_iter_key(member.iterator) else { return }
    var count = 0
    while unsafe base[count] != 0 { count += 1 }
    // SAFETY: jansson keeps the bytes while the object lives.
    unsafe UnsafeRawPointer(base).withMemoryRebound(to: UInt8.self, capacity: count) { bytes in
      unsafe body(UnsafeBufferPointer(start: bytes, count: count).span)
    }
  }
}
