// Reloader.swift: notices that policy files changed, loads them off the request path, and hands a new set over whole.
//
// Events only say when to look. A load begins once the files were quiet for a moment, since editors and ConfigMaps make
// several changes of one; every ten seconds the files are looked at anyway, for file systems that give no events, and
// every second those that could not be read. Any error keeps the set in force.

import CheckAPI
import EventLoop
import Policies
import PolicyFiles
import Stores
import Telemetry

/// Watches a policy path and keeps the set in force. Lives on the main loop.
final class Reloader {
  /// What the admin pages show.
  struct Status {
    var loaded: LoadedPolicies
    /// When the set in force was loaded. Nanoseconds since the Unix epoch, as all that follow.
    var loadedAt: Int64
    /// When a load last found nothing wrong, a change or none.
    var lastSuccessAt: Int64
    /// Why the newest load did not count, as `weir validate` prints it; nil after a success.
    var lastError: [String]?
    var lastFailureAt: Int64 = 0
    var successes: UInt64 = 1
    var failures: UInt64 = 0
    /// The counter of each policy in force.
    var slots: [UInt32]
    /// Sets since the start, the first one included.
    var generation: UInt64 = 1
  }

  private(set) var status: Status
  private let loop: Loop
  private let path: String
  private let compiler: RuleCompiler
  private let options: PolicyLoader.Options
  private let logger: EventLogger
  private let adopt: (Rules) -> Void
  private var watchers: [FileWatcher] = []
  private var quiet: Timer?
  private var poll: Timer?
  private var firstEvent: Int64?
  private var seen: PathSignature?
  private(set) var inForce: Rules
  /// Sets that workers may still be leaving. Whoever lets go of a set last frees it, which takes milliseconds for
  /// thousands of policies: that is the main thread, two polls later, and never a worker.
  private var leaving: [Rules] = []
  private var left: [Rules] = []
  private var isFirstLook = true
  /// A watch has ended by itself.
  private var mustWatch = false
  private var isLoading = false
  private var isDirty = false
  private var isStopped = false

  /// - Parameter adopt: Called on the loop's thread with each new set.
  init(
    loop: Loop, path: String, options: PolicyLoader.Options, first: LoadedPolicies, firstRules: Rules,
    compiler: RuleCompiler, logger: EventLogger, adopt: @escaping (Rules) -> Void
  ) {
    self.loop = loop
    self.path = path
    self.options = options
    self.compiler = compiler
    self.logger = logger
    self.adopt = adopt
    inForce = firstRules
    let now = UnixClock.nanoseconds()
    status = Status(loaded: first, loadedAt: now, lastSuccessAt: now, slots: firstRules.set.slots)
    quiet = Timer(loop: loop) { [unowned self] _ in look() }
    poll = Timer(loop: loop) { [unowned self] _ in
      (left, leaving) = (leaving, [])
      look()
    }
  }

  func start() {
    watch()
    poll?.start(afterNanoseconds: Bounds.reloadPoll, every: Bounds.reloadPoll)
    // What changed between the first load and the watch.
    load()
  }

  /// A load that is under way ends in the background, and changes nothing any more: a watch that it opened would keep
  /// the loop from closing.
  func stop() {
    isStopped = true
    quiet?.close()
    poll?.close()
    for watcher in watchers { watcher.close() }
    watchers = []
  }

  /// Loads at once, whether anything changed or not.
  func reloadNow() {
    logger.log(.info, "reload requested")
    load()
  }

  // MARK: Noticing

  /// Watches the directory, and every directory that a symbolic link of it leads to: a file written in place there
  /// gives no event here.
  private func watch() {
    mustWatch = false
    for watcher in watchers { watcher.close() }
    watchers = []
    for directory in PolicyLoader.watchedDirectories(of: path) {
      do {
        watchers.append(
          try FileWatcher(loop: loop, path: directory) { [unowned self] event in
            if case .failed(let error) = event {
              logger.log(.warning, "watch failed", ["path": .string(directory), "error": .string("\(error)")])
            }
            if event == .lost { mustWatch = true }
            if case .failed = event { mustWatch = true }
            noticed()
          })
      } catch {
        logger.log(.debug, "no watch", ["path": .string(directory), "error": .string("\(error)")])
      }
    }
  }

  /// Something may have changed: waits for quiet, but not for long.
  private func noticed() {
    let now = loop.now
    let first = firstEvent ?? now
    firstEvent = first
    let wait = min(Bounds.reloadQuiet, first + Bounds.reloadLatest - now)
    quiet?.start(afterNanoseconds: max(0, wait))
  }

  /// Loads if the files are not those that were looked at last.
  private func look() {
    quiet?.stop()
    firstEvent = nil
    ifChanged { $0.load() }
  }

  /// Compares the files with those that were looked at last.
  private func ifChanged(_ then: @escaping (Reloader) -> Void) {
    let path = self.path
    loop.background(
      { PolicyLoader.signature(path: path) },
      then: { [weak self] signature in
        guard let self, !isStopped else { return }
        if mustWatch { watch() }
        if signature != seen { then(self) }
      })
  }

  // MARK: Loading

  private func load() {
    guard !isLoading else {
      isDirty = true
      return
    }
    isLoading = true
    let (path, options, compiler) = (path, options, compiler)
    let digest = status.loaded.sha256
    loop.background(
      {
        let signature = PolicyLoader.signature(path: path)
        let result = PolicyLoader.load(path: path, options: options)
        guard case .loaded(let loaded) = result, loaded.sha256 != digest else {
          return Outcome(signature: signature, result: result, rules: nil)
        }
        return Outcome(signature: signature, result: result, rules: compiler.compile(loaded))
      },
      then: { [weak self] outcome in self?.finished(outcome) })
  }

  /// What a load came to, on its way from the background.
  private struct Outcome: Sendable {
    var signature: PathSignature
    var result: PolicyLoader.Result
    /// Of a set that is not the one in force.
    var rules: Rules?
  }

  private func finished(_ outcome: Outcome) {
    guard !isStopped else { return }
    isLoading = false
    seen = outcome.signature
    switch outcome.result {
    case .loaded(let loaded): succeeded(loaded, outcome.rules)
    case .invalid(let diagnostics): failed(diagnostics.filter { $0.severity == .error }.map(\.text))
    case .unreadable(let problems):
      seen = nil
      failed(problems.map(\.text))
      quiet?.start(afterNanoseconds: Bounds.reloadRetry)
    case .changed:
      seen = nil
      noticed()
    }
    // Links may lead elsewhere now. What the old watches had yet to report is lost with them, so the files are compared
    // once the new ones stand.
    watch()
    if seen != nil { ifChanged { $0.noticed() } }
    if isDirty {
      isDirty = false
      noticed()
    }
  }

  private func succeeded(_ loaded: LoadedPolicies, _ rules: Rules?) {
    let wasBroken = status.lastError != nil
    status.lastError = nil
    status.lastSuccessAt = UnixClock.nanoseconds()
    if !isFirstLook || rules != nil { status.successes += 1 }
    isFirstLook = false
    guard let rules else {
      if wasBroken { logger.log(.info, "policies are valid again, and unchanged") }
      return
    }
    leaving.append(inForce)
    inForce = rules
    status.generation += 1
    status.loaded = loaded
    status.slots = rules.set.slots
    status.loadedAt = status.lastSuccessAt
    adopt(rules)
    logger.logLoaded(loaded)
  }

  private func failed(_ problems: [String]) {
    isFirstLook = false
    let isNews = status.lastError != problems
    status.failures += 1
    status.lastError = problems
    status.lastFailureAt = UnixClock.nanoseconds()
    guard isNews else { return }
    logger.log(
      .error, "policies rejected",
      ["path": .string(path), "kept": .string(status.loaded.sha256), "problems": .list(problems)])
  }
}
