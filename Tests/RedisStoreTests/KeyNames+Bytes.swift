// KeyNames+Bytes.swift: names by the bytes of a key rather than by their digest.

@testable import RedisStore

extension KeyNames {
  func append(policy: Int, key: Span<UInt8>, to buffer: inout [UInt8]) {
    append(policy: policy, key: digest(policy: policy, key: key), to: &buffer)
  }
}
