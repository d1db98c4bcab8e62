// Script.swift: the Lua scripts, and the digests by which EVALSHA names them. The texts are in Scripts/.

import COpenSSL

/// A script as Redis is given it.
struct Script: Sendable {
  var text: [UInt8]
  /// The SHA-1 of the text, 40 lower-case hex digits: its name in Redis.
  var digest: [UInt8]

  /// Charges checks against their limits: Scripts/charge.lua.
  static let charge = Script(PackageResources.algorithms_lua + PackageResources.charge_lua)
  /// Charges or holds, where counters lie as in a cluster: Scripts/hold.lua.
  static let hold = Script(
    PackageResources.algorithms_lua + PackageResources.holds_lua + PackageResources.hold_lua)
  /// Confirms or cancels what was held: Scripts/settle.lua.
  static let settle = Script(
    PackageResources.algorithms_lua + PackageResources.holds_lua + PackageResources.settle_lua)
  /// Says that a weir lives: Scripts/announce.lua.
  static let announce = Script(PackageResources.announce_lua)
  /// Keeps orders: Scripts/orders.lua.
  static let orders = Script(PackageResources.orders_lua)
  /// Says what changed in them: Scripts/changes.lua.
  static let changes = Script(PackageResources.changes_lua)
  static let all = [charge, hold, settle, announce, orders, changes]

  init(_ text: [UInt8]) {
    self.text = text
    var sum = [UInt8](repeating: 0, count: 20)
    var context = SHA_CTX()
    // SAFETY: the context is initialised first, and SHA-1 writes 20 bytes.
    let done = unsafe SHA1_Init(&context) + SHA1_Update(&context, text, text.count)
    precondition(unsafe done + SHA1_Final(&sum, &context) == 3, "SHA-1 takes any bytes")
    let digits = Array("0123456789abcdef".utf8)
    digest = sum.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }
}
