// NearestWord.swift: which known word an unknown one was meant to be, by optimal string alignment: insertions,
// deletions, replacements and swaps of neighbours (Damerau 1964, without edits inside a swap). Letter case and the
// difference between `_` and `-` cost nothing, so that `Token_Bucket` finds `token-bucket`.

enum NearestWord {
  /// The nearest of `known`, the first among equals; nil where none is near enough to be meant: more than a third of
  /// the longer word's letters differ (a single letter may always differ).
  static func find(_ word: String, in known: [String]) -> String? {
    let given = folded(word)
    // Longer than any word of the schema by far: the quadratic comparison would cost and find nothing.
    guard given.count <= 64 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in known {
      let other = folded(candidate)
      let distance = distance(given, other)
      guard distance <= max(1, max(given.count, other.count) / 3) else { continue }
      guard distance < max(given.count, other.count) else { continue }
      if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    return best?.word
  }

  private static func folded(_ word: String) -> [UInt8] {
    word.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
      case UInt8(ascii: "_"): UInt8(ascii: "-")
      default: byte
      }
    }
  }

  /// Edits between two words; three rows of the usual table suffice.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
        row.append(cost)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
