// RedisCommand.swift: commands to bytes, by hiredis' formatter. For the few that a connection sends of its own; calls
// of the scripts, which are many, have a writer that does not allocate.

import CHiredis

/// A command and its arguments.
enum RedisCommand {
  /// The command in the form of the protocol.
  static func bytes(_ arguments: [[UInt8]]) -> [UInt8] {
    var target: UnsafeMutablePointer<CChar>?
    let lengths = arguments.map(\.count)
    // All arguments in one buffer, so that one pointer reaches them all.
    let text: [CChar] = arguments.joined().map { CChar(bitPattern: $0) }
    let count = unsafe text.withUnsafeBufferPointer { text in
      var start = 0
      let pointers = unsafe lengths.map { length in
        defer { start += length }
        // An empty buffer may have no address; nothing is read through the pointer then, but it is not to be null.
        return unsafe text.baseAddress.map { unsafe $0 + start }
      }
      var arguments = unsafe pointers
      return Int(unsafe redisFormatCommandArgv(&target, Int32(arguments.count), &arguments, lengths))
    }
    guard count > 0, let bytes = unsafe target else { preconditionFailure("no memory for a command") }
    defer { unsafe redisFreeCommand(bytes) }
    return unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  static func bytes(_ words: String...) -> [UInt8] { bytes(words.map { Array($0.utf8) }) }
}
