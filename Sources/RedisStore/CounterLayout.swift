// CounterLayout.swift: how counters lie in a Redis.

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

  /// What a connection loads.
  var scripts: [Script] {
    switch self {
    case .strings: [.charge, .announce, .orders, .changes]
    case .hashes: [.hold, .settle, .announce, .orders, .changes]
    }
  }
}
