// PolicyReading.swift: policies read once for a command, as the server would read them.

import Glibc
import PolicyFiles

enum PolicyReading {
  /// How often files that change while they are read are read again.
  private static let attempts = 50
  /// Microseconds between these.
  private static let pause: UInt32 = 20_000

  /// - Parameter redisIsGiven: Whether the server will have a Redis, so that `store: redis` is valid, and the default.
  static func load(_ path: String, redisIsGiven: Bool) -> PolicyLoader.Result {
    var options = PolicyLoader.Options()
    options.redisIsGiven = redisIsGiven
    for _ in 1..<attempts {
      let result = PolicyLoader.load(path: path, options: options)
      guard case .changed = result else { return result }
      usleep(pause)
    }
    return PolicyLoader.load(path: path, options: options)
  }

  /// Says on stderr why `path` gave no policies to judge; nothing where it did.
  static func complain(of path: String, _ result: PolicyLoader.Result) {
    switch result {
    case .loaded, .invalid: break
    case .unreadable(let problems): for problem in problems { Output.complain(problem.text) }
    case .changed: Output.complain("\(path) keeps changing while it is read; try again")
    }
  }
}
