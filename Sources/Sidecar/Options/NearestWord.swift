// NearestWord.swift: which known word somebody probably meant.
//
// The distance is that of Damerau and Levenshtein in its restricted form (optimal string alignment): insertions,
// deletions, substitutions and swaps of neighbours, the mistakes that fingers make.

/// Finds the known word that is nearest to a given one.
enum NearestWord {
  /// What is longer is compared by its first bytes, so that the work stays small whatever was typed.
  private static let longest = 64

  /// The word of `words` with the smallest distance to `given`, the first of equals; nil where there are no words.
  static func find(_ given: String, in words: [String]) -> String? {
    var best: (word: String, distance: Int)?
    for word in words {
      let distance = distance(given, word)
      if best.map({ distance < $0.distance }) ?? true { best = (word, distance) }
    }
    return best?.word
  }

  /// Like `find`, but nil where no word is near: where more than half of its letters would have to change, a suggestion
  /// only puzzles.
  static func findNear(_ given: String, in words: [String]) -> String? {
    find(given, in: words).flatMap { distance(given, $0) <= $0.utf8.count / 2 ? $0 : nil }
  }

  /// How many mistakes lie between two words. Letters count without their case.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.lowercased().utf8.prefix(longest))
    let b = Array(b.lowercased().utf8.prefix(longest))
    // Three rows of the table are enough: a swap looks two rows back.
    var before = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      before = previous
      previous = row
    }
    return previous[b.count]
  }
}
