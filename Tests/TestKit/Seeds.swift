// Seeds.swift: how many random cases a property test takes.

import Foundation

/// The seeds of a property test, or every n-th of them where WEIR_SEEDS_DIVISOR is n: what a sanitizer looks for is in the
/// code's paths, and it makes each case several times slower.
public enum Seeds {
  private static let divisor = max(1, ProcessInfo.processInfo.environment["WEIR_SEEDS_DIVISOR"].flatMap(Int.init) ?? 1)

  public static func of<Seed: FixedWidthInteger>(_ seeds: Range<Seed>) -> [Seed] where Seed.Stride: SignedInteger {
    seeds.filter { ($0 - seeds.lowerBound) % Seed(divisor) == 0 }
  }

  public static func of<Seed: FixedWidthInteger>(_ seeds: ClosedRange<Seed>) -> [Seed]
  where Seed.Stride: SignedInteger {
    of(seeds.lowerBound..<seeds.upperBound + 1)
  }
}
