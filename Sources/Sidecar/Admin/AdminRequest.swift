// AdminRequest.swift: a request to the admin or metrics listener, taken out of the bytes it came in, so that its answer
// may come later.

import CheckAPI
import EventLoop
import HTTP1
import Policies

/// What an operator asks.
final class AdminRequest {
  /// As sent: `GET`, `POST`.
  let method: String
  /// Raw, without the query.
  let path: String
  /// In the order sent, decoded. What is no UTF-8 has U+FFFD in its place.
  let query: [(name: String, value: String)]
  /// The values of `query`, as they are.
  private let queryValues: [[UInt8]]
  /// Values by lower-case name, joined with commas where a name came several times.
  private let headers: [String: String]
  let peer: PeerAddress
  /// Empty for routes that take none.
  var body: [UInt8] = []

  var isHead: Bool { method == "HEAD" }

  init(_ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress) {
    self.peer = peer
    method = String(bytes, Int(head.method.lowerBound)..<Int(head.method.upperBound))
    let target = unsafe bytes.extracting(Int(head.target.lowerBound)..<Int(head.target.upperBound))
      .withUnsafeBufferPointer { unsafe Array($0) }
    let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
    path = String(decoding: target[..<end], as: UTF8.self)
    let items = QueryText.items(target[end...].dropFirst())
    query = items.map { (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self)) }
    queryValues = items.map(\.value)
    var headers: [String: String] = [:]
    for header in head.headers {
      let name = String(bytes, Int(header.name.lowerBound)..<Int(header.name.upperBound)).lowercased()
      let value = String(bytes, Int(header.value.lowerBound)..<Int(header.value.upperBound))
      headers[name] = headers[name].map { $0 + ", " + value } ?? value
    }
    self.headers = headers
  }

  /// The value of a header; nil where it was not sent.
  func header(_ lowercased: String) -> String? { headers[lowercased] }

  /// The values of a parameter that may be given several times, in the order sent.
  func values(_ name: String) -> [[UInt8]] { zip(query, queryValues).filter { $0.0.name == name }.map(\.1) }

  /// The value of a parameter that may be given once.
  ///
  /// - Throws: A 400 where it was given more than once.
  func parameter(_ name: String) throws(Refusal) -> String? {
    let values = query.filter { $0.name == name }
    guard values.count <= 1 else { throw Refusal(400, "parameter \(name) is given \(values.count) times") }
    return values.first?.value
  }

  /// Refuses every parameter that is not in `known`: a typo must not be a silent "all".
  func refuseUnknownParameters(_ known: [String]) throws(Refusal) {
    guard let item = query.first(where: { !known.contains($0.name) }) else { return }
    let list = known.isEmpty ? "it takes none" : "known are " + known.joined(separator: ", ")
    throw Refusal(400, "unknown parameter \"\(item.name)\"; \(list)")
  }
}

/// Queries of HTML forms (application/x-www-form-urlencoded).
enum QueryText {
  /// Names and values, decoded once; `+` is a space. A wrong escape stays as it stands.
  static func items(_ query: ArraySlice<UInt8>) -> [(name: [UInt8], value: [UInt8])] {
    query.split(separator: UInt8(ascii: "&")).map { item in
      let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      return (name: decode(parts[0]), value: parts.count > 1 ? decode(parts[1]) : [])
    }
  }

  private static func decode(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == UInt8(ascii: "%"), index + 2 < text.endIndex, let high = Bytes.hexValue(text[index + 1]),
        let low = Bytes.hexValue(text[index + 2])
      {
        bytes.append(high << 4 | low)
        index += 3
        continue
      }
      bytes.append(text[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : text[index])
      index += 1
    }
    return bytes
  }
}
