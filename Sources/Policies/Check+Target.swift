// Check+Target.swift: the original request's target: its path normalised, its query taken apart.
//
// A client must not be able to name one resource in two ways that count apart, nor cause an error: what is no escape
// stays as it stands. The order is the contract's: percent-decoded once, then `//` collapsed, then dot segments removed
// (RFC 3986 sections 2.1, 5.2.4); a trailing slash does not count. A fragment, which no request should carry, is cut
// off, as servers do.

extension Check {
  /// Sets `path` from a target (`/a/b?c=d`, an absolute URL, or a path without its first slash), and the query
  /// parameters that `set` names.
  public mutating func setTarget(_ target: Span<UInt8>, in set: PolicySet) {
    let pathEnd = setPath(target)
    guard set.uses.contains(.query), pathEnd < target.count, target[pathEnd] == UInt8(ascii: "?") else { return }
    var queryEnd = pathEnd + 1
    while queryEnd < target.count, target[queryEnd] != UInt8(ascii: "#") { queryEnd += 1 }
    addQuery(target, from: pathEnd + 1, to: queryEnd, in: set)
  }

  /// Sets `path` alone; a query is cut off. Returns where the path ended.
  @discardableResult
  public mutating func setPath(_ target: Span<UInt8>) -> Int {
    let start = Self.pathStart(of: target)
    var end = start
    while end < target.count, target[end] != UInt8(ascii: "?"), target[end] != UInt8(ascii: "#") { end += 1 }
    setPath(target, from: start, to: end)
    return end
  }

  /// Where the path begins: behind `scheme://authority` if the target is an absolute URL (RFC 9112 section 3.2.2).
  private static func pathStart(of target: Span<UInt8>) -> Int {
    guard target.count > 0, isLetter(target[0]) else { return 0 }
    var index = 1
    while index < target.count, isSchemeByte(target[index]) { index += 1 }
    guard index + 2 < target.count, target[index] == UInt8(ascii: ":"), target[index + 1] == UInt8(ascii: "/"),
      target[index + 2] == UInt8(ascii: "/")
    else { return 0 }
    index += 3
    while index < target.count, !"/?#".utf8.contains(target[index]) { index += 1 }
    return index
  }

  private mutating func setPath(_ target: Span<UInt8>, from start: Int, to end: Int) {
    // Decoded into the arena behind one slash, then compacted in place: a segment only ever moves towards the front.
    let arenaStart = bytes.count
    bytes.append(UInt8(ascii: "/"))
    appendDecoded(target, from: start, to: end, plusIsSpace: false)
    if !segments.isEmpty { segments.removeAll(keepingCapacity: true) }
    let pathEnd = Self.compactPath(&bytes, from: arenaStart, &segments)
    if pathEnd < bytes.count { bytes.removeLast(bytes.count - pathEnd) }
    replaceValue(of: List.path, with: ArenaRange(start: arenaStart, count: pathEnd - arenaStart))
  }

  /// Takes empty and dot segments out of the path that fills the arena from `arenaStart`, notes those that stay, and
  /// says where it ends now.
  private static func compactPath(
    _ bytes: inout [UInt8], from arenaStart: Int, _ segments: inout [ArenaRange]
  ) -> Int {
    // One exclusive access to the bytes: a check of uniqueness at each byte would cost more than the work.
    var path = bytes.mutableSpan
    var write = arenaStart
    var read = arenaStart
    while read < path.count {
      read += 1  // the slash
      let segmentStart = read
      while read < path.count, path[read] != UInt8(ascii: "/") { read += 1 }
      let count = read - segmentStart
      if count == 0 || (count == 1 && path[segmentStart] == UInt8(ascii: ".")) { continue }
      if count == 2, path[segmentStart] == UInt8(ascii: "."), path[segmentStart + 1] == UInt8(ascii: ".") {
        if let parent = segments.popLast() { write = Int(parent.start) - 1 }
        continue
      }
      if write + 1 != segmentStart {
        path[write] = UInt8(ascii: "/")
        for offset in 0..<count { path[write + 1 + offset] = path[segmentStart + offset] }
      }
      segments.append(ArenaRange(start: write + 1, count: count))
      write += 1 + count
    }
    return max(write, arenaStart + 1)  // the root is its slash, which was never overwritten
  }

  private mutating func addQuery(_ target: Span<UInt8>, from start: Int, to end: Int, in set: PolicySet) {
    var index = start
    while index < end {
      let pairStart = index
      while index < end, target[index] != UInt8(ascii: "&") { index += 1 }
      var nameEnd = pairStart
      while nameEnd < index, target[nameEnd] != UInt8(ascii: "=") { nameEnd += 1 }
      let name = appendDecoded(target, from: pairStart, to: nameEnd, plusIsSpace: true)
      let list = set.list(ofQuery: bytes.span, name)
      bytes.removeLast(Int(name.count))
      if list >= 0 {
        let value = appendDecoded(target, from: min(nameEnd + 1, index), to: index, plusIsSpace: true)
        addList(value, to: list)
      }
      index += 1
    }
  }

  /// Appends a stretch of `source` with its escapes decoded once. A wrong escape, and `%00`, stay as they stand.
  @discardableResult
  private mutating func appendDecoded(
    _ source: Span<UInt8>, from start: Int, to end: Int, plusIsSpace: Bool
  ) -> ArenaRange {
    let arenaStart = bytes.count
    var index = start
    while index < end {
      // What needs no decoding goes over in one piece.
      let runStart = index
      while index < end, source[index] != UInt8(ascii: "%"), !plusIsSpace || source[index] != UInt8(ascii: "+") {
        index += 1
      }
      if index > runStart { _ = append(source.extracting(runStart..<index)) }
      guard index < end else { break }
      if let decoded = Self.escape(source, at: index, before: end) {
        bytes.append(decoded)
        index += 3
      } else {
        bytes.append(source[index] == UInt8(ascii: "+") ? 0x20 : source[index])
        index += 1
      }
    }
    return ArenaRange(start: arenaStart, count: bytes.count - arenaStart)
  }

  /// The byte that an escape at `index` stands for; nil where there is none, or that of zero.
  private static func escape(_ source: Span<UInt8>, at index: Int, before end: Int) -> UInt8? {
    guard source[index] == UInt8(ascii: "%"), index + 2 < end, let high = Bytes.hexValue(source[index + 1]),
      let low = Bytes.hexValue(source[index + 2]), high << 4 | low != 0
    else { return nil }
    return high << 4 | low
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }

  private static func isSchemeByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.".utf8.contains(byte)
  }

}
