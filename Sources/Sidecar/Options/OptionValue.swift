// OptionValue.swift: the kinds of values that flags take, each a function from text to value, or to what was expected.

import Policies
import PolicyFiles

/// Readers of single values. They do not know which flag a value belongs to.
enum OptionValue {
  static func onOff(_ text: String) throws(Misfit) -> Bool {
    try word(text, of: ["on", "off"]) == "on"
  }

  /// One of a few words, exactly. The nearest is named only among three or more: of two words, both are in view, and
  /// "of" is as near to "on" as to "off".
  static func word(_ text: String, of words: [String]) throws(Misfit) -> String {
    guard words.contains(text) else {
      throw Misfit(
        text, expected: alternatives(words), nearest: words.count > 2 ? NearestWord.find(text, in: words) : nil)
    }
    return text
  }

  /// One of the cases of an enumeration whose raw values are the words.
  static func word<Word: RawRepresentable<String> & CaseIterable>(_ text: String) throws(Misfit) -> Word {
    let word = try word(text, of: Word.allCases.map(\.rawValue))
    guard let value = Word(rawValue: word) else { preconditionFailure("a raw value is a case") }
    return value
  }

  /// Decimal digits only: no sign, no space, no separator.
  static func integer(_ text: String, in range: ClosedRange<Int>) throws(Misfit) -> Int {
    guard isDigits(text), let value = Int(text), range.contains(value) else {
      throw Misfit(text, expected: "a whole number, \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// `10/s`, or `off` for none.
  static func perSecond(_ text: String, in range: ClosedRange<Int>) throws(Misfit) -> Int? {
    if text == "off" { return nil }
    let digits = text.hasSuffix("/s") ? text.dropLast(2) : ""
    guard isDigits(digits), let value = Int(digits), range.contains(value) else {
      throw Misfit(
        text, expected: "off, or a number a second such as 10/s, \(range.lowerBound)/s to \(range.upperBound)/s")
    }
    return value
  }

  /// - Returns: Nanoseconds.
  static func duration(_ text: String, in range: ClosedRange<Int64>) throws(Misfit) -> Int64 {
    guard let value = try? DurationText.parse(text), range.contains(value) else {
      let ends = "\(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
      throw Misfit(text, expected: "a duration such as 250ms, 10s or 1h30m, \(ends)")
    }
    return value
  }

  /// A header's name, lowered: names are compared without case (RFC 9110 section 5.1).
  static func headerName(_ text: String) throws(Misfit) -> String {
    guard !text.isEmpty, text.utf8.count <= 256, text.utf8.allSatisfy(AttributeName.isToken) else {
      throw Misfit(text, expected: "the name of a header: letters, digits and any of !#$%&'*+-.^_`|~")
    }
    return text.lowercased()
  }

  /// Networks or single addresses with commas between them; `none` for an empty list.
  static func networks(_ text: String) throws(Misfit) -> [IPNetwork] {
    if text == "none" { return [] }
    var networks: [IPNetwork] = []
    for item in list(text) {
      guard let network = IPNetwork(item) else {
        throw Misfit(item, expected: "networks such as 10.0.0.0/8,fd00::/8, addresses, or none")
      }
      networks.append(network)
    }
    return networks
  }

  static func path(_ text: String) throws(Misfit) -> String {
    guard !text.isEmpty else { throw Misfit(text, expected: "a path") }
    return text
  }

  /// The items between commas, without the spaces and tabs around them. An empty item stays, to be refused by whoever
  /// reads items.
  static func list(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { item in
      var item = item
      while let first = item.first, first == " " || first == "\t" { item.removeFirst() }
      while let last = item.last, last == " " || last == "\t" { item.removeLast() }
      return String(item)
    }
  }

  static func isDigits(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
  }

  /// `a`, `a or b`, `a, b or c`.
  static func alternatives(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}
