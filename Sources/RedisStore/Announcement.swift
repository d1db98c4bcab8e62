// Announcement.swift: the call of announce.lua.

enum Announcement {
  /// The command.
  ///
  /// - Parameters:
  ///   - keys: See `KeyNames.live`.
  ///   - id: The name of this weir.
  ///   - signOfLife: Nanoseconds for which a sign counts.
  ///   - isLast: Whether it stops.
  static func command(keys: [[UInt8]], id: String, signOfLife: Int64, isLast: Bool) -> [UInt8] {
    RedisCommand.bytes(
      [Array("EVALSHA".utf8), Script.announce.digest, Array("\(keys.count)".utf8)] + keys
        + [Array(id.utf8), Array("\(signOfLife / 1_000_000)".utf8), Array((isLast ? "1" : "0").utf8)])
  }
}
