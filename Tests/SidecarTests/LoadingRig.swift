// LoadingRig.swift: a reloader over a real directory, on the test's own thread, and what it adopted.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import Stores
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Sidecar

/// The text of a policy file with one policy a name; a limit may follow it: `a=5`.
func file(_ policies: String...) -> String {
  "policies: ["
    + policies.map { text in
      let parts = text.split(separator: "=")
      return "{name: \(parts[0]), limit: \(parts.count > 1 ? parts[1] : "1"), period: 1h, key: k-\(parts[0])}"
    }.joined(separator: ", ") + "]\n"
}

/// Lines that a logger wrote, from any thread.
final class Lines: Sendable {
  private let lines = Mutex<[String]>([])

  func add(_ line: String) { lines.withLock { $0.append(line) } }
  func count(containing text: String) -> Int { lines.withLock { $0.count { $0.contains(text) } } }
}

final class LoadingRig {
  let test: TestLoop
  let directory: TemporaryDirectory
  let lines = Lines()
  private(set) var adopted: [Rules] = []
  /// Called with each new set, from inside the adoption.
  var onAdopt: () -> Void = {}
  private var made: Reloader?
  var reloader: Reloader { made! }
  var status: Reloader.Status { reloader.status }

  /// - Parameters:
  ///   - prepare: Puts the first files there.
  ///   - path: What is watched, below the directory; empty: the directory itself.
  init(path: String = "", _ prepare: (TemporaryDirectory) throws -> Void) throws {
    test = try TestLoop()
    directory = try TemporaryDirectory()
    try prepare(directory)
    let settings = APISettings()
    let compiler = RuleCompiler(
      store: MemoryStore(maximumKeys: 100), settings: settings, ipv6Prefix: 64, isShadow: false)
    let path = path.isEmpty ? directory.path : directory.file(path)
    guard case .loaded(let loaded) = PolicyLoader.load(path: path) else {
      throw SystemFailure("load \(path)")
    }
    let first = compiler.compile(loaded)
    made = Reloader(
      loop: test.loop, path: path, options: PolicyLoader.Options(), first: loaded, firstRules: first,
      compiler: compiler,
      logger: EventLogger(logger: Logger(level: .debug, format: .json, sink: { [lines] in lines.add($0) })),
      adopt: { [unowned self] rules in
        adopted.append(rules)
        onAdopt()
      })
    adopted = [first]
    reloader.start()
    // The load of the start finds nothing new.
    settle()
    adopted = [first]
  }

  deinit {
    made?.stop()
    test.loop.close()
  }

  /// The policies in force, as `name=limit`.
  var inForce: [String] { adopted.last!.set.policies.map { "\($0.name)=\($0.limit.limit)" } }

  /// Runs until these policies are in force: well before the files would be looked at anyway.
  func becomes(_ policies: String...) -> Bool {
    test.run(seconds: Bounds.reloadPoll / Bounds.second - 2) { [unowned self] in inForce == policies }
  }

  func isRejected() -> Bool { test.run { [unowned self] in status.lastError != nil } }

  /// Lets a reload that is under way, or noticed, come to its end: longer than quiet takes, and a load.
  func settle() {
    let end = Loop.monotonicNow() + Bounds.reloadLatest
    _ = test.run { Loop.monotonicNow() > end }
  }
}
