// AdminRequest.swift: a request to the admin or metrics listener, taken out of the bytes it came in, so that its answer
// may come later.

import CheckAPI
import EventLoop
import HTTP1

/// What an operator asks.
final class AdminRequest {
  /// As sent: `GET`, `POST`.
  let method: String
  /// Raw, without the query.
  let path: String
  /// In the order sent, decoded.
  let query: [(name: String, value: String)]
  /// Values by lower-case name, joined with commas where a name came several times.
  private let headers: [String: String]
  let peer: PeerAddress
  /// Empty for routes that take none.
  var body: [UInt8] = []

  var isHead: Bool { method == "HEAD" }

  init(_ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress) {
    self.peer = peer
    method = String(bytes, Int(head.method.lowerBound)..<Int(head.method.upperBound))
    let target = String(bytes, Int(head.target.lowerBound)..<Int(head.target.upperBound))
    let end = target.utf8.firstIndex(of: UInt8(ascii: "?"))
    path = String(target[..<(end ?? target.endIndex)])
    query = end.map { QueryText.items(target[target.utf8.index(after: $0)...]) } ?? []
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
  static func items(_ query: Substring) -> [(name: String, value: String)] {
    query.utf8.split(separator: UInt8(ascii: "&")).map { item in
      let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      return (name: decode(parts[0]), value: parts.count > 1 ? decode(parts[1]) : "")
    }
  }

  private static func decode(_ text: Substring.UTF8View) -> String {
    var bytes: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      let next = text.index(after: index)
      if text[index] == UInt8(ascii: "%"), next < text.endIndex, case let second = text.index(after: next),
        second < text.endIndex, let high = digit(text[next]), let low = digit(text[second])
      {
        bytes.append(high << 4 | low)
        index = text.index(after: second)
        continue
      }
      bytes.append(text[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : text[index])
      index = next
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
