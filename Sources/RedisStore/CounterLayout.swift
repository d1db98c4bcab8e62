// CounterLayout.swift: how counters lie in a Redis.

import Policies

/// Where the counters of a key are.
enum CounterLayout: Sendable {
  /// One Redis: each counter is a key of its own, and one call serves any keys.
  case strings
  /// A cluster: all cells under one key of weir are one hash, so that a slot on its way to another node can be served.
  case hashes

  /// What charges checks, and looks.
  var chargeScript: Script {
    switch self {
    case .strings: .charge
    case .hashes: .hold
    }
  }

  /// The command that takes one counter away, and its key. The reply is how many there were.
  func removal(_ identity: CounterIdentity, _ digest: KeyDigest) -> (key: [UInt8], command: [UInt8]) {
    guard self == .hashes else {
      let name = KeyNames.counter(identity, digest)
      return (name, RedisCommand.bytes([Array("DEL".utf8), name]))
    }
    return KeyNames.removal(identity, digest)
  }

  /// What a connection loads.
  var scripts: [Script] {
    switch self {
    case .strings: [.charge, .announce, .orders, .changes]
    case .hashes: [.hold, .settle, .announce, .orders, .changes]
    }
  }
}
