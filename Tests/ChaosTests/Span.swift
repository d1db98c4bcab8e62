// Span.swift: instants of a run, and what lies between two of them.
//
// All instants are nanoseconds of the driver's monotonic clock since the run began. What happens inside another process
// is known only as a span: it happened somewhere between asking and being answered.

/// From one instant to another, both included.
struct Span: Sendable, Hashable {
  var from: Int
  var to: Int

  static let always = Span(from: .min / 2, to: .max / 2)

  func meets(_ other: Span) -> Bool { from <= other.to && other.from <= to }
  func contains(_ other: Span) -> Bool { from <= other.from && other.to <= to }
  func overlap(_ other: Span) -> Int { max(0, min(to, other.to) - max(from, other.from)) }
  func widened(before: Int = 0, after: Int = 0) -> Span { Span(from: from - before, to: to + after) }
}

let millisecond = 1_000_000
let second = 1_000_000_000

/// `12.345 s`.
func seconds(_ instant: Int) -> String {
  let thousandths = instant / millisecond
  let rest = abs(thousandths % 1000)
  return "\(thousandths / 1000).\(rest < 10 ? "00" : rest < 100 ? "0" : "")\(rest) s"
}
