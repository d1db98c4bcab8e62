// Entry.swift: libFuzzer's way in. Not part of the replay of the corpora by `swift test`, which has ways of its own.

/// Called for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  unsafe fuzz(data, count) { bytes throws(Broken) in try ForwardedFuzz.check(bytes) }
}
