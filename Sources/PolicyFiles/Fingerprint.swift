// Fingerprint.swift: SHA-256 over policy files, so that operators see whether all pods run the same ones.

import COpenSSL

enum Fingerprint {
  /// 64 lower-case hex digits over each file's domain, base name and bytes, each after its length as eight bytes, most
  /// significant first: without lengths, a text could pass from one part into the next unseen.
  static func sha256(sources: [PolicyLoader.Source], domains: [String]) -> String {
    var bytes: [UInt8] = []
    for (source, domain) in zip(sources, domains) {
      append(Array(domain.utf8), to: &bytes)
      append(Array(source.baseName.utf8), to: &bytes)
      append(source.file.bytes, to: &bytes)
    }
    return hex(digest(bytes))
  }

  private static func append(_ part: [UInt8], to bytes: inout [UInt8]) {
    let count = UInt64(part.count)
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: count >> UInt64(shift)))
    }
    bytes += part
  }

  private static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 32
    // SAFETY: SHA-256 writes 32 bytes.
    let done = unsafe EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
    precondition(done == 1 && length == 32, "OpenSSL has SHA-256")
    return digest
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
