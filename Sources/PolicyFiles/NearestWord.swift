// NearestWord.swift: which known word an unknown one was meant to be, by optimal string alignment: insertions,
// deletions, replacements and swaps of neighbours (Damerau 1964, without edits inside a swap). Letter case and the
// difference between `_` and `-` cost nothing, so that `Token_Bucket` finds `token-bucket`.

/// Finds the known word that is nearest to a given one: in policy files and on the command line.
public enum NearestWord {
  /// What is longer is compared by its first bytes, so that the work stays small whatever was written.
  private static let longest = 64

  /// The word of `known` with the smallest distance to `word`, the first among equals; nil where there are none.
  public static func nearest(to word: String, in known: [String]) -> String? {
    known.map { (word: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }?.word
  }

  /// The nearest of `known` if it is near enough to be meant: not if more than a third of the longer word's letters
  /// differ (a single letter may always differ), unless it is an abbreviation. A wrong suggestion only puzzles.
  public static func find(_ word: String, in known: [String]) -> String? {
    // Longer than any known word by far.
    guard word.utf8.count <= longest else { return nil }
    return known.compactMap { candidate -> (word: String, distance: Int)? in
      let longer = max(word.utf8.count, candidate.utf8.count)
      let distance = distance(word, candidate)
      let isNear = distance <= max(1, longer / 3) || isAbbreviation(word, of: candidate)
      return isNear && distance < longer ? (candidate, distance) : nil
    }.min { $0.distance < $1.distance }?.word
  }

  /// `warn` of `warning`: three letters or more, from the beginning.
  private static func isAbbreviation(_ word: String, of candidate: String) -> Bool {
    word.utf8.count >= 3 && folded(candidate).starts(with: folded(word))
  }

  /// How many slips lie between two words.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = folded(a)
    let b = folded(b)
    // Three rows of the usual table: a swap looks two rows back.
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

  private static func folded(_ word: String) -> [UInt8] {
    word.utf8.prefix(longest).map { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
      case UInt8(ascii: "_"): UInt8(ascii: "-")
      default: byte
      }
    }
  }
}
