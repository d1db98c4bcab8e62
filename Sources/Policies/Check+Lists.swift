// Check+Lists.swift: headers and query parameters as sets of values. Gateways join repeated lines with commas, or do
// not; both must give the same values (RFC 9110 section 5.3), or a client could get a second counter by a second line.
//
// A line without quotes is split as it comes. Quotes may hide commas, also those at which a gateway joined two lines,
// so an attribute with a quote in any line is put off: its lines are joined and split once all are there. A quote that
// is never closed hides nothing. Nor does a quoted comma tell whether a space behind it came with the join, so spaces
// beside commas do not count even there.

extension Check {
  /// Adds one line of a header (or one occurrence of a query parameter) to the values of its attribute: split at
  /// commas outside quotes, trimmed. Empty elements do not count beside others (RFC 9110 section 5.6.1.2), but an
  /// attribute that is given and empty is there, with the empty value.
  public mutating func addLine(_ line: Span<UInt8>, to list: Int32) {
    addList(append(line), to: list)
  }

  mutating func addList(_ line: ArenaRange, to list: Int32) {
    if chains[Int(list)].hasQuotes || holdsQuote(line) {
      chains[Int(list)].hasQuotes = true
      holdsQuotedLists = true
      addValue(trim(line), to: list)
    } else {
      split(line, honouringQuotes: false, into: list)
    }
  }

  /// Joins and splits what was put off. Called once, before the check is matched.
  mutating func finishLists() {
    guard holdsQuotedLists else { return }
    holdsQuotedLists = false
    for list in chains.indices where chains[list].hasQuotes {
      let start = bytes.count
      var next = chains[list].first
      while next >= 0 {
        let value = values[Int(next)]
        if bytes.count > start { bytes.append(contentsOf: [UInt8(ascii: ","), UInt8(ascii: " ")]) }
        for index in Int(value.range.start)..<value.range.end { bytes.append(bytes[index]) }
        next = value.next
      }
      chains[list] = Chain()
      split(ArenaRange(start: start, count: bytes.count - start), honouringQuotes: true, into: Int32(list))
    }
  }

  private mutating func split(_ line: ArenaRange, honouringQuotes: Bool, into list: Int32) {
    var honouringQuotes = honouringQuotes
    var start = Int(line.start)
    var index = start
    while index < line.end {
      if bytes[index] == UInt8(ascii: ",") {
        addElement(from: start, to: index, of: list)
        start = index + 1
      } else if honouringQuotes, bytes[index] == UInt8(ascii: "\"") {
        if let close = closingQuote(after: index, before: line.end) {
          index = close
        } else {
          honouringQuotes = false
        }
      }
      index += 1
    }
    addElement(from: start, to: line.end, of: list)
  }

  private func closingQuote(after open: Int, before end: Int) -> Int? {
    var index = open + 1
    while index < end {
      if bytes[index] == UInt8(ascii: "\"") { return index }
      index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return nil
  }

  private func holdsQuote(_ range: ArenaRange) -> Bool {
    for index in Int(range.start)..<range.end where bytes[index] == UInt8(ascii: "\"") { return true }
    return false
  }

  private mutating func addElement(from start: Int, to end: Int, of list: Int32) {
    let range = closeUpCommas(trim(ArenaRange(start: start, count: end - start)))
    let chain = chains[Int(list)]
    if chain.count > 0 {
      if range.count == 0 { return }
      if chain.count == 1, values[Int(chain.first)].range.count == 0 {
        values[Int(chain.first)].range = range
        return
      }
    }
    addValue(range, to: list)
  }

  /// The stretch without spaces and tabs at its ends.
  func trim(_ range: ArenaRange) -> ArenaRange {
    var start = Int(range.start)
    var end = range.end
    while start < end, Self.isSpace(bytes[start]) { start += 1 }
    while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
    return ArenaRange(start: start, count: end - start)
  }

  /// Takes out, in place, the spaces and tabs on both sides of each comma.
  mutating func closeUpCommas(_ range: ArenaRange) -> ArenaRange {
    let start = Int(range.start)
    var write = start
    var followsComma = false
    for read in start..<range.end {
      let byte = bytes[read]
      if followsComma, Self.isSpace(byte) { continue }
      followsComma = byte == UInt8(ascii: ",")
      if followsComma {
        while write > start, Self.isSpace(bytes[write - 1]) { write -= 1 }
      }
      bytes[write] = byte
      write += 1
    }
    return ArenaRange(start: start, count: write - start)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
