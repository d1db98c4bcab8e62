// ConformanceText.swift: from the text of a case to its bytes. The signs are explained in ConformanceCase.swift.

/// The bytes of a case, in pieces.
struct ConformanceText {
  private(set) var pieces: [[UInt8]] = [[]]
  private(set) var answeredBefore: Set<Int> = []
  private let id: String
  /// Where a number or filling is to be put in once all bytes are known: piece, place, and what.
  private var gaps: [(piece: Int, place: Int, fill: Int?)] = []
  private var chunkStart = 0

  init(_ text: String, id: String) {
    self.id = id
    var rest = Substring(text)
    while let open = rest.firstIndex(of: "{") {
      append(rest[..<open])
      let close = rest[open...].firstIndex(of: "}") ?? rest.index(before: rest.endIndex)
      sign(rest[rest.index(after: open)..<close])
      rest = rest[rest.index(after: close)...]
    }
    append(rest)
    for gap in gaps.reversed() { close(gap) }
  }

  /// Bytes of the first head, with its blank line; all where it has none.
  static func headCount(_ bytes: [UInt8]) -> Int {
    for index in bytes.indices.dropLast(3) where bytes[index..<index + 4].elementsEqual([13, 10, 13, 10]) {
      return index + 4
    }
    return bytes.count
  }

  private mutating func append(_ text: some StringProtocol) {
    for scalar in text.unicodeScalars {
      pieces[pieces.count - 1] += scalar == "⏎" ? [13, 10] : Array(String(scalar).utf8)
    }
  }

  private mutating func sign(_ name: Substring) {
    let last = pieces.count - 1
    switch name {
    case "": append("{}")
    case "id": append(id)
    case "own": append("/check/own/\(id)")
    case "GET": append("GET /check/own/\(id) HTTP/1.1⏎")
    case "POST": append("POST /check/own/\(id) HTTP/1.1⏎")
    case "JSON": append("POST /json/check HTTP/1.1⏎Content-Type: application/json⏎")
    case "body": append(#"{"attributes": {"path": "/own/\#(id)"}}"#)
    case "HID": append("GET /check/hidden/\(id) HTTP/1.1⏎⏎")
    case "L": gaps.append((last, pieces[last].count, nil))
    case "(": chunkStart = pieces[last].count
    case ")":
      let size = String(pieces[last].count - chunkStart, radix: 16)
      pieces[last].insert(contentsOf: Array(size.utf8) + [13, 10], at: chunkStart)
      append("⏎")
    case "|": pieces.append([])
    case "?":
      answeredBefore.insert(pieces.count)
      pieces.append([])
    case _ where name.hasPrefix("fill "): gaps.append((last, pieces[last].count, Int(name.dropFirst(5))))
    case _ where name.hasPrefix("x"):
      guard let byte = UInt8(name.dropFirst(), radix: 16) else { preconditionFailure("\(id): {\(name)}") }
      pieces[last].append(byte)
    default: `repeat`(name)
    }
  }

  private mutating func `repeat`(_ name: Substring) {
    guard let star = name.firstIndex(of: "*"), let times = Int(name[..<star]) else {
      preconditionFailure("\(id): {\(name)}")
    }
    let what = String(name[name.index(after: star)...])
    for _ in 0..<times { append(what) }
  }

  private mutating func close(_ gap: (piece: Int, place: Int, fill: Int?)) {
    if let total = gap.fill {
      let missing = total - pieces.reduce(0) { $0 + $1.count }
      precondition(missing >= 0, "\(id): more than \(total) bytes")
      pieces[gap.piece].insert(contentsOf: [UInt8](repeating: UInt8(ascii: "v"), count: missing), at: gap.place)
      return
    }
    let behind = Array(pieces[gap.piece][gap.place...]) + pieces[(gap.piece + 1)...].joined()
    let count = behind.count - Self.headCount(behind)
    pieces[gap.piece].insert(contentsOf: String(count).utf8, at: gap.place)
  }
}
