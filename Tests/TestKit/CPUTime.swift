// CPUTime.swift: how the cost of something grows with its input, on a machine that does other things as well.
//
// The clock is that of the thread, which stands still while others run; what is compared is the least of each length in
// several runs, on the same machine. Where that says too much, it runs more often before it is believed: what a busy
// machine adds goes away, what the input costs does not.

import Glibc

/// How many times as much an input eight times as long costs: about 8 where each part is looked at a few times, and
/// about 64 where each part makes all others be looked at once more.
///
/// - Parameters:
///   - count: The length of the shorter input; a run should take a tenth of a millisecond or more.
///   - most: From here on the result is a failure, and is measured again, up to 40 times.
///   - input: Makes an input of a length; not part of what is measured.
public func costGrowth<Input>(
  from count: Int, most: Double, of input: (Int) -> Input, _ body: (Input) -> Void
) -> Double {
  let (short, long) = (input(count), input(8 * count))
  var least = (short: Int64.max, long: Int64.max)
  var growth = Double.infinity
  for run in 1...40 where run <= 5 || growth >= most {
    least = (min(least.short, cost(of: short, body)), min(least.long, cost(of: long, body)))
    growth = Double(least.long) / Double(max(1, least.short))
  }
  return growth
}

/// Nanoseconds of this thread.
private func cost<Input>(of input: Input, _ body: (Input) -> Void) -> Int64 {
  let start = threadNanoseconds()
  body(input)
  return threadNanoseconds() - start
}

private func threadNanoseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
