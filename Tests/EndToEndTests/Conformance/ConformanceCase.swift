// ConformanceCase.swift: one line of the table: the bytes that a client sends, and all that may follow from them.
//
// The bytes are text with a few signs, so that a case is short and its point stands out:
//
//   ⏎           CR LF; bare ones are written \r and \n
//   {x9f}       a byte
//   {80*a}      a repeated 80 times
//   {id}        the case's own name, of which its counters are made
//   {own}       the target of the check that the case asks for; {GET}, {POST} the request line with it
//   {JSON}      request line and type of a check in the JSON form; {body} its body, which counts under the same key
//   {HID}       a whole request, for another counter: what must not be taken for a request, or must
//   {L}         how many bytes follow the next blank line
//   {(} {)}     what stands between is one chunk: its size goes before it, CR LF behind it
//   {fill 99}   as many v as make the whole 99 bytes
//   {?}         the client sends no more before it has read an answer
//   {|}         the client sends what follows in a write of its own, a moment later

import Testing

/// What a client sends, and what must come of it.
struct ConformanceCase: Sendable {
  enum Listener: Sendable { case data, admin, metrics, unix }

  /// What becomes of the connection.
  enum End: Sendable { case stays, closes }

  let id: String
  /// Where it is said: a section of an RFC, or of docs/api.md.
  let source: String
  let rule: String
  /// In as many writes as the client makes.
  let pieces: [[UInt8]]
  /// The pieces that are sent only when one more answer has been read.
  let answeredBefore: Set<Int>
  /// The statuses that are answered, in order; no other answer comes.
  let statuses: [Int]
  let end: End
  /// Checks that are counted: of the case itself, and of the hidden request.
  let own: Int
  let hidden: Int
  let listener: Listener
  /// The client says that it sends no more.
  let finishes: Bool
  /// The first request is a HEAD.
  let isHead: Bool
  /// Where the answer does not wait for the body, one that comes later ends the connection: such a case is cut within its
  /// first head only, so that the same comes of it.
  let cut: ClosedRange<Int>?

  /// - Parameters:
  ///   - answers: Statuses, then `close` where the connection ends: `200 400 close`.
  ///   - own: By default, one for each 200.
  init(
    _ id: String, _ source: String, _ rule: String, _ text: String, _ answers: String, own: Int? = nil,
    hidden: Int = 0, on listener: Listener = .data, finishes: Bool = false, isHead: Bool = false,
    cutsBody: Bool = false
  ) {
    let words = answers.split(separator: " ")
    let statuses = words.compactMap { Int($0) }
    let bytes = ConformanceText(text, id: id)
    let pieces = bytes.pieces
    let whole = pieces[0]
    self.id = id
    self.source = source
    self.rule = rule
    self.pieces = pieces
    answeredBefore = bytes.answeredBefore
    self.statuses = statuses
    end = words.last == "close" ? .closes : .stays
    self.own = own ?? statuses.count { $0 == 200 } - hidden
    self.hidden = hidden
    self.listener = listener
    self.finishes = finishes
    self.isHead = isHead
    let last = cutsBody ? whole.count : ConformanceText.headCount(whole)
    cut = pieces.count == 1 && last >= 2 ? 1...(last - 1) : nil
  }
}

extension ConformanceCase: CustomTestStringConvertible {
  var testDescription: String { "\(id) (\(source)): \(rule)" }
}

/// Cases about one thing: one argument of the test.
struct ConformanceGroup: Sendable, CustomTestStringConvertible {
  let name: String
  let cases: [ConformanceCase]

  var testDescription: String { "\(name), \(cases.count) cases" }

  static let all: [ConformanceGroup] = [
    requestLines, targets, fieldLines, hosts, contentLengths, transferCodings, hiddenCodings, chunks, brokenChunks,
    expectations, connections, otherProtocols, forms, listeners,
  ]
}
