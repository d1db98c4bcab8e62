// CPUTime.swift: how the cost of something grows with its input, on a machine that does other things as well.
//
// The clock is that of the thread, which stands still while others run, and the least of several runs counts. So
// neither a busy machine nor a slow one changes much; and what is compared is two costs on the same machine.

import Glibc

/// How many times as much an input eight times as long costs: about 8 where each part is looked at a few times, and
/// about 64 where each part makes all others be looked at once more.
///
/// - Parameters:
///   - count: The length of the shorter input; a run should take a tenth of a millisecond or more.
///   - input: Makes an input of a length; not part of what is measured.
public func costGrowth<Input>(from count: Int, of input: (Int) -> Input, _ body: (Input) -> Void) -> Double {
  let short = leastCost(of: input(count), body)
  let long = leastCost(of: input(8 * count), body)
  return Double(long) / Double(max(1, short))
}

/// Nanoseconds of this thread, in the best of five runs.
private func leastCost<Input>(of input: Input, _ body: (Input) -> Void) -> Int64 {
  var least = Int64.max
  for _ in 0..<5 {
    let start = threadNanoseconds()
    body(input)
    least = min(least, threadNanoseconds() - start)
  }
  return least
}

private func threadNanoseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
