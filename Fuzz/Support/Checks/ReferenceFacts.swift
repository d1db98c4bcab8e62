// ReferenceFacts.swift: the contract's rules for attributes and keys once more, slowly: whole values in, whole values
// out, by splitting and joining. Addresses are read by inet_pton.

import Glibc

/// The attributes of a check, and the bytes of keys made of them.
enum ReferenceFacts {
  typealias Bytes = [UInt8]

  // MARK: Targets

  /// The path of a target, normalised, and its query without the `?`, raw.
  static func target(_ target: Bytes) -> (path: Bytes, query: Bytes) {
    var rest = withoutOrigin(target)
    if let mark = rest.firstIndex(of: UInt8(ascii: "#")) { rest = rest[..<mark] }
    var query: Bytes = []
    if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
      query = Array(rest[(mark + 1)...])
      rest = rest[..<mark]
    }
    var segments: [Bytes] = []
    for segment in split(decoded(Array(rest)), UInt8(ascii: "/")) {
      switch segment {
      case [], Array(".".utf8): continue
      case Array("..".utf8): _ = segments.popLast()
      default: segments.append(segment)
      }
    }
    return (Array("/".utf8) + segments.joined(separator: "/".utf8), query)
  }

  /// The values of the parameters of this name, decoded.
  static func parameters(_ name: String, of query: Bytes) -> [Bytes] {
    split(query, UInt8(ascii: "&")).compactMap { pair in
      let equals = pair.firstIndex(of: UInt8(ascii: "="))
      let found = decoded(Array(pair[..<(equals ?? pair.count)]), plusIsSpace: true)
      guard found == Array(name.utf8), !pair.isEmpty else { return nil }
      return equals.map { decoded(Array(pair[($0 + 1)...]), plusIsSpace: true) } ?? []
    }
  }

  /// Without `scheme://authority`.
  private static func withoutOrigin(_ target: Bytes) -> ArraySlice<UInt8> {
    let letters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    let scheme = target.prefix { letters.contains($0) || Set("0123456789+-.".utf8).contains($0) }
    guard let first = scheme.first, letters.contains(first), target[scheme.endIndex...].starts(with: "://".utf8) else {
      return target[...]
    }
    return target[(scheme.endIndex + 3)...].drop { !Set("/?#".utf8).contains($0) }
  }

  /// Percent-decoded once; what is no escape, and `%00`, as it stands.
  static func decoded(_ text: Bytes, plusIsSpace: Bool = false) -> Bytes {
    var result: Bytes = []
    var rest = text[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2,
        digits.allSatisfy(Set("0123456789abcdefABCDEF".utf8).contains),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16), value != 0
      {
        result.append(value)
        rest = rest.dropFirst(2)
      } else {
        result.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    return result
  }

  // MARK: Hosts and addresses

  /// Lower case, without port and last dots.
  static func host(_ text: Bytes) -> Bytes {
    var host = text[...]
    if host.first == UInt8(ascii: "[") {
      if let close = host.firstIndex(of: UInt8(ascii: "]")) { host = host[...close] }
    } else if bareAddress(text) == nil, let colon = host.firstIndex(of: UInt8(ascii: ":")) {
      host = host[..<colon]
    }
    while host.last == UInt8(ascii: ".") { host.removeLast() }
    return host.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
  }

  /// The 16 bytes of an address, IPv4 in its mapped form; nil where `text` is none.
  static func bareAddress(_ text: Bytes) -> Bytes? {
    guard !text.contains(0) else { return nil }
    let string = String(decoding: text, as: UTF8.self)
    guard Bytes(string.utf8) == text else { return nil }
    var address = Bytes(repeating: 0, count: 16)
    // SAFETY: inet_pton writes 16 bytes for an IPv6 address, and 4 for an IPv4 one.
    if unsafe inet_pton(AF_INET6, string, &address) == 1 { return address }
    guard unsafe inet_pton(AF_INET, string, &address) == 1 else { return nil }
    return Bytes(repeating: 0, count: 10) + [0xff, 0xff] + address.prefix(4)
  }

  /// An address, perhaps in brackets, perhaps with a port; without brackets only an IPv4 one has a port.
  static func address(_ text: Bytes) -> Bytes? {
    if text.first == UInt8(ascii: "[") {
      guard let close = text.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      let rest = Array(text[(close + 1)...])
      return rest.isEmpty || isPort(rest) ? bareAddress(Array(text[1..<close])) : nil
    }
    if let address = bareAddress(text) { return address }
    guard let colon = text.lastIndex(of: UInt8(ascii: ":")), isPort(Array(text[colon...])),
      let address = bareAddress(Array(text[..<colon])), isV4(address)
    else { return nil }
    return address
  }

  private static func isPort(_ text: Bytes) -> Bool {
    text.first == UInt8(ascii: ":") && (2...6).contains(text.count)
      && text.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  static func isV4(_ address: Bytes) -> Bool {
    address.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
  }

  /// Whether the first `bits` of both are the same; IPv4 and IPv6 never are.
  static func isSame(_ one: Bytes, _ other: Bytes, bits: Int) -> Bool {
    guard isV4(one) == isV4(other) else { return false }
    let count = isV4(one) ? bits + 96 : bits
    return (0..<count).allSatisfy { (bit: Int) -> Bool in
      let differing: UInt8 = one[bit / 8] ^ other[bit / 8]
      return differing & (0x80 >> UInt8(bit % 8)) == 0
    }
  }

  // MARK: Lists

  /// The values of a header or query parameter that was given in these lines.
  static func elements(_ lines: [Bytes]) -> [Bytes] {
    let joined = Bytes(lines.map(trimmed).joined(separator: ", ".utf8))
    let isQuoted = joined.contains(UInt8(ascii: "\""))
    var elements = splitOutsideQuotes(joined).map(trimmed)
    if isQuoted { elements = elements.map(closedUp) }
    let given = elements.filter { !$0.isEmpty }
    return lines.isEmpty ? [] : given.isEmpty ? [[]] : given
  }

  private static func splitOutsideQuotes(_ text: Bytes) -> [Bytes] {
    var elements: [Bytes] = [[]]
    var honours = true
    var rest = text[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: ",") {
        elements.append([])
      } else if byte == UInt8(ascii: "\""), honours, let quoted = closing(rest) {
        elements[elements.count - 1] += [byte] + quoted
        rest = rest.dropFirst(quoted.count)
      } else {
        // A quote that is never closed hides nothing.
        if byte == UInt8(ascii: "\"") { honours = false }
        elements[elements.count - 1].append(byte)
      }
    }
    return elements
  }

  /// What follows an open quote, up to the one that closes it; nil where none does.
  private static func closing(_ text: ArraySlice<UInt8>) -> Bytes? {
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return Array(text[..<rest.startIndex]) }
      if byte == UInt8(ascii: "\\") { rest = rest.dropFirst() }
    }
    return nil
  }

  /// Without spaces beside its commas.
  private static func closedUp(_ element: Bytes) -> Bytes {
    let parts = split(element, UInt8(ascii: ","))
    return Bytes(
      parts.enumerated().map { place, part -> Bytes in
        var part = part[...]
        if place > 0 { part = part.drop(while: isBlank) }
        if place < parts.count - 1 { while let last = part.last, isBlank(last) { part.removeLast() } }
        return Array(part)
      }.joined(separator: ",".utf8))
  }

  static func trimmed(_ text: Bytes) -> Bytes {
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return Array(text)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  static func split(_ text: Bytes, _ separator: UInt8) -> [Bytes] {
    text.split(separator: separator, omittingEmptySubsequences: false).map(Array.init)
  }

  // MARK: Keys

  static func key(of value: Bytes) -> Bytes { [1] + prefixed(value) }

  /// The part of an address of which `bits` count where it is an IPv6 one.
  static func key(ofAddress address: Bytes, bits: Int = 64) -> Bytes {
    guard !isV4(address) else { return [4] + address }
    let counted = address.enumerated().map { place, byte -> UInt8 in
      let kept = min(8, max(0, bits - 8 * place))
      return kept == 0 ? 0 : byte & (0xff << UInt8(8 - kept))
    }
    return [4] + counted
  }

  /// The part of a set of values: up to 1024 are sorted, and duplicates left out.
  static func key(ofElements elements: [Bytes]) -> Bytes {
    var values = elements
    if values.count <= 1_024 { values = Set(values).sorted { $0.lexicographicallyPrecedes($1) } }
    if values.count == 1 { return key(of: values[0]) }
    return [2] + big(values.count) + values.flatMap(prefixed)
  }

  private static func prefixed(_ value: Bytes) -> Bytes { big(value.count) + value }

  private static func big(_ number: Int) -> Bytes { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } }

  /// The number that digits write, at most `most`; nil where `text` holds anything else.
  static func number(_ text: Bytes, most: Int64) -> Int64? {
    guard !text.isEmpty, text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return min(most, Int64(String(decoding: text, as: UTF8.self)) ?? .max)
  }
}
