// Exact.swift: whole-number arithmetic that never wraps and never traps, for numbers that are not negative.
//
// Products take the 64-bit path where they fit, which is nearly always, and 128 bits where they do not; both give the
// same result. Instants and durations saturate at the ends of Int64.

enum Exact {
  /// floor(`a` x `b` / `c`), saturating. All not negative, `c` above 0.
  static func quotient(_ a: Int64, times b: Int64, over c: Int64) -> Int64 {
    let product = a.multipliedReportingOverflow(by: b)
    guard product.overflow else { return product.partialValue / c }
    return wideQuotient(a, times: b, over: c)
  }

  /// The 128-bit path of `quotient`.
  static func wideQuotient(_ a: Int64, times b: Int64, over c: Int64) -> Int64 {
    Int64(clamping: UInt128(a.magnitude) * UInt128(b.magnitude) / UInt128(c.magnitude))
  }

  /// ceil(`a` x `b` / `c`), saturating. All not negative, `c` above 0.
  static func quotientUp(_ a: Int64, times b: Int64, over c: Int64) -> Int64 {
    let product = a.multipliedReportingOverflow(by: b)
    guard product.overflow else {
      let parts = product.partialValue.quotientAndRemainder(dividingBy: c)
      return parts.remainder > 0 ? parts.quotient + 1 : parts.quotient
    }
    return wideQuotientUp(a, times: b, over: c)
  }

  /// The 128-bit path of `quotientUp`.
  static func wideQuotientUp(_ a: Int64, times b: Int64, over c: Int64) -> Int64 {
    let parts = (UInt128(a.magnitude) * UInt128(b.magnitude)).quotientAndRemainder(dividingBy: UInt128(c.magnitude))
    return Int64(clamping: parts.remainder > 0 ? parts.quotient + 1 : parts.quotient)
  }

  /// ceil(`value` / `divisor`) as an Int64, saturating.
  static func divideUp<Wide: FixedWidthInteger & UnsignedInteger>(_ value: Wide, by divisor: Wide) -> Int64 {
    let parts = value.quotientAndRemainder(dividingBy: divisor)
    let floor = Int64(clamping: parts.quotient)
    return parts.remainder > 0 ? sum(floor, 1) : floor
  }

  /// `a` + `b`, saturating.
  static func sum(_ a: Int64, _ b: Int64) -> Int64 {
    let result = a.addingReportingOverflow(b)
    guard result.overflow else { return result.partialValue }
    return b < 0 ? .min : .max
  }

  /// `a` - `b`, saturating.
  static func difference(_ a: Int64, _ b: Int64) -> Int64 {
    let result = a.subtractingReportingOverflow(b)
    guard result.overflow else { return result.partialValue }
    return b < 0 ? .max : .min
  }

  /// The start of the window that holds `instant`; windows are aligned to instant 0. Saturates.
  static func windowStart(of instant: Int64, period: Int64) -> Int64 {
    let rest = instant % period
    return difference(instant, rest < 0 ? rest + period : rest)
  }
}
