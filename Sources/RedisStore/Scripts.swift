// Scripts.swift: the Lua scripts, as Redis gets and calls them.

import COpenSSL

/// A script of `Scripts/*.lua`.
struct Script: Sendable {
  let text: [UInt8]
  /// By which Redis knows it: SHA-1 of its text in 40 hex digits.
  let digest: [UInt8]

  init(_ text: [UInt8]) {
    self.text = text
    var context = SHA_CTX()
    var sum = [UInt8](repeating: 0, count: 20)
    // SAFETY: the context is initialised first, and SHA-1 writes 20 bytes.
    let done = unsafe SHA1_Init(&context) + SHA1_Update(&context, text, text.count)
    precondition(unsafe done + SHA1_Final(&sum, &context) == 3, "SHA-1 takes any bytes")
    let digits = Array("0123456789abcdef".utf8)
    digest = sum.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  /// The command that makes Redis know it.
  var load: [UInt8] { RedisCommand.bytes([Array("SCRIPT".utf8), Array("LOAD".utf8), text]) }
}

enum Scripts {
  static let charge = Script(PackageResources.charge_lua)
  static let announce = Script(PackageResources.announce_lua)
}
