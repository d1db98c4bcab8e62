// LineQueue.swift: log lines that wait for a reader who is slow or away, in their order, bounded.
//
// A line is written at once where that makes nobody wait. Else it is kept, or what is left of it, and the next line goes
// behind it: so lines keep their order, and none stands inside another. What finds no room is left out; the next line
// that does is preceded by one that says how many were. Whoever owns a queue tries it again from time to time.

/// Lines on their way to a reader. A value: whoever shares it guards it.
public struct LineQueue: Sendable {
  /// What `write` is given at most: a pipe takes so many bytes whole or not at all.
  public static let atomicLine = Bounds.atomicLine

  /// Whole lines, but for the first, which may lack its beginning: that is written.
  private var waiting: [UInt8] = []
  /// Lines since the last that was taken.
  private var leftOut: UInt64 = 0

  public init() {}

  /// Bytes that wait.
  public var count: Int { waiting.count }

  /// Writes a line behind all that waits, keeps it, or leaves it out: where it and what waits before it are more than
  /// `Bounds.waitingLines`. A line alone is kept whatever its length; `LogLine` bounds it.
  ///
  /// - Parameters:
  ///   - line: With its line feed.
  ///   - notice: The line that says how many were left out, with its line feed.
  ///   - write: Writes as many as it can without waiting, of at most `atomicLine` bytes, and says how many those were.
  ///     It is given whole lines wherever they are short enough.
  public mutating func take(_ line: String, notice: (UInt64) -> String, write: (Span<UInt8>) -> Int) {
    drain(write)
    let text = leftOut > 0 ? notice(leftOut) + line : line
    guard waiting.isEmpty || waiting.count + text.utf8.count <= Bounds.waitingLines else {
      leftOut &+= 1
      return
    }
    leftOut = 0
    waiting += text.utf8
    drain(write)
  }

  /// Writes a line, unless anything waits before it or it would have to wait itself. Never leaves out another's line.
  ///
  /// - Returns: Whether it was taken.
  public mutating func takeAtOnce(_ line: String, write: (Span<UInt8>) -> Int) -> Bool {
    drain(write)
    guard waiting.isEmpty else { return false }
    waiting += line.utf8
    drain(write)
    guard waiting.count == line.utf8.count else { return true }
    waiting = []
    return false
  }

  /// Writes what waits, as far as it can be; once nothing does, says what was left out.
  public mutating func retry(notice: (UInt64) -> String, write: (Span<UInt8>) -> Int) {
    drain(write)
    if waiting.isEmpty, leftOut > 0 { take("", notice: notice, write: write) }
  }

  /// Hands over what waits, for somebody who may wait himself.
  public mutating func takeAll() -> [UInt8] {
    defer { waiting = [] }
    return waiting
  }

  private mutating func drain(_ write: (Span<UInt8>) -> Int) {
    var start = 0
    while start < waiting.count {
      let written = write(waiting.span.extracting(start..<pieceEnd(from: start)))
      guard written > 0 else { break }
      start += written
    }
    if start == waiting.count { waiting = [] } else { waiting.removeFirst(start) }
  }

  /// As many whole lines as one write takes; of a longer line a piece.
  private func pieceEnd(from start: Int) -> Int {
    let end = min(start + Bounds.atomicLine, waiting.count)
    return waiting[start..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? end
  }
}
