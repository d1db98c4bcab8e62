// Broken.swift: how a fuzz target says that a rule does not hold.

/// A rule that an input has shown to be broken.
struct Broken: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

func require(_ holds: Bool, _ rule: @autoclosure () -> String) throws(Broken) {
  if !holds { throw Broken(rule()) }
}

/// Gives one input of libFuzzer's to `check`, and stops the process where a rule is broken: libFuzzer then keeps the
/// input.
@unsafe func fuzz(
  _ data: UnsafePointer<UInt8>?, _ count: Int, _ check: ([UInt8]) throws(Broken) -> Void
) -> CInt {
  // SAFETY: libFuzzer lends `count` bytes for the length of its call.
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  do throws(Broken) { try check(bytes) } catch { fatalError(error.description) }
  return 0
}
