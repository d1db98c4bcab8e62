// SchemaReader+Values.swift: texts, words, numbers, durations and lists of texts, each typed by who asks for it.

import Limiting
import Policies

extension SchemaReader {
  /// Any text, quoted or not; nothing is none.
  mutating func text(_ node: YAMLNode, _ label: String) -> String? {
    if case .text(let text) = node.content { return text }
    error(node.mark, "\(label): must be a text, not \(node.kind)")
    return nil
  }

  /// A text or a list of at least one; a faulty element is reported and left out.
  mutating func texts(_ node: YAMLNode, _ label: String) -> [(text: String, mark: Mark)]? {
    switch node.content {
    case .text(let text): return [(text, node.mark)]
    case .list(let elements):
      guard !elements.isEmpty else {
        error(node.mark, "\(label): an empty list matches nothing; leave it out, or give a value")
        return nil
      }
      var result: [(text: String, mark: Mark)] = []
      for element in elements {
        if let text = text(element, "a value of \(label)") { result.append((text, element.mark)) }
      }
      return result
    case .nothing, .mapping:
      error(node.mark, "\(label): must be a text or a list of texts, not \(node.kind)")
      return nil
    }
  }

  /// One of `words`.
  mutating func word(_ node: YAMLNode, _ label: String, _ words: [String]) -> String? {
    guard case .text(let text) = node.content else {
      error(node.mark, "\(label): must be \(Self.alternatives(words)), not \(node.kind)")
      return nil
    }
    if words.contains(text) { return text }
    var message = "\(label) \(Quote.text(text)): unknown; "
    if let nearest = NearestWord.find(text, in: words) { message += "did you mean \"\(nearest)\"? " }
    error(node.mark, message + "use \(Self.alternatives(words))")
    return nil
  }

  /// One of an enumeration's words.
  mutating func word<Word: RawRepresentable<String> & CaseIterable>(_ node: YAMLNode, _ label: String) -> Word? {
    word(node, label, Word.allCases.map(\.rawValue)).flatMap(Word.init(rawValue:))
  }

  /// Decimal digits without sign, fraction or leading zero, in `range`; `note` says where that range holds.
  mutating func number(
    _ node: YAMLNode, _ label: String, _ range: ClosedRange<Int64>, note: String = ""
  ) -> Int64? {
    let rule = "must be a whole number from \(range.lowerBound) to \(range.upperBound)" + note
    guard case .text(let text) = node.content else {
      error(node.mark, "\(label): \(rule), not \(node.kind)")
      return nil
    }
    let isCanonical = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isCanonical, text.utf8.first != UInt8(ascii: "0") || text == "0" else {
      error(node.mark, "\(label) \(Quote.text(text)): \(rule), in digits alone")
      return nil
    }
    // Digits that pass 64 bits are out of every range.
    guard let number = Int64(text), range.contains(number) else {
      error(node.mark, "\(label) \(Quote.text(text)): \(rule)")
      return nil
    }
    return number
  }

  /// A period in nanoseconds, in `Bounds.period`.
  mutating func period(_ node: YAMLNode, _ label: String) -> Int64? {
    guard case .text(let text) = node.content else {
      error(node.mark, "\(label): must be a duration such as 10s or 1h30m, not \(node.kind)")
      return nil
    }
    do throws(DurationText.Malformed) {
      let period = try DurationText.parse(text)
      if Bounds.period.contains(period) { return period }
      let (shortest, longest) = (Bounds.period.lowerBound, Bounds.period.upperBound)
      error(
        node.mark,
        "\(label) \(Quote.text(text)): must be from \(DurationText.text(shortest)) to \(DurationText.text(longest))")
    } catch {
      self.error(node.mark, "\(label) \(Quote.text(text)): \(error.message)")
    }
    return nil
  }

  /// A policy's or domain's name.
  mutating func name(_ node: YAMLNode, _ label: String) -> String? {
    guard let name = text(node, label) else { return nil }
    if PolicyName.isValid(name.utf8) { return name }
    error(
      node.mark,
      "\(label) \(Quote.text(name)): must be a-z or 0-9, then a-z, 0-9, \".\", \"_\" or \"-\", "
        + "at most \(PolicyName.maximumLength) characters")
    return nil
  }

  /// `true`, where a member can say nothing else.
  mutating func onlyTrue(_ node: YAMLNode, _ label: String) {
    guard case .text("true") = node.content else {
      error(node.mark, "\(label): can only be true, not \(node.kind); leave it out otherwise")
      return
    }
  }
}
