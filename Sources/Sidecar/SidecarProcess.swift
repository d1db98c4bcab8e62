// SidecarProcess.swift: one run of `weir serve`, from options to exit, on the main thread: the steps of the start, in
// their order. SidecarProcess+Making.swift makes the parts and joins them, +Watching.swift does what comes round every
// second, +Stopping.swift ends all of it.

import CheckAPI
import EventLoop
import Glibc
import PolicyFiles
import RedisStore
import Stores
import Telemetry

final class SidecarProcess {
  let options: ServeOptions
  let logger: EventLogger
  let settings: APISettings
  let state = ProcessState()
  let store: MemoryStore
  let keyDisplay: KeyDisplay
  /// nil where denials are not logged.
  let denials: DenialLog?
  let compiler: RuleCompiler
  /// nil where there is no Redis.
  let redis: RedisStatus?
  let budget: ConnectionBudget
  let loop: Loop
  let ownCounters = WorkerCounters()
  var workers: [Worker] = []
  var servers: [HTTPServer] = []
  var errands: Errands?
  var reloader: Reloader?
  var orders: OrderDelivery?
  var mailbox: Mailbox<ControlMessage>?
  /// From the worker that reads what was ordered in Redis; nil where there is none.
  var orderPages: Mailbox<OrderPage>?
  var intake: OrderIntake?
  var settling: OrderSettling?
  var signals: SignalSource?
  var timers: [Timer] = []
  var undrained = 0
  var overflow = GrowthWatch()
  var refusals = GrowthWatch()

  enum ControlMessage: Sendable {
    case workerDrained
  }

  /// Makes what needs neither files nor sockets.
  init(_ options: ServeOptions) throws(StartFailure) {
    try StartFiles.check(options)
    self.options = options
    let format = options.logFormat ?? StandardError.defaultFormat
    logger = EventLogger(
      logger: Logger(level: options.logLevel, format: format) { StandardError.log($0, format) })
    settings = APISettings(options)
    store = MemoryStore(maximumKeys: options.maximumKeys)
    let display = KeyDisplay(isHashed: options.hashesKeys)
    keyDisplay = display
    denials = options.loggedDenials.map { perSecond in
      DenialLog(perSecond: perSecond, format: format, display: display, write: StandardError.writeAtOnce)
    }
    redis = options.redis.map { [logger] url in
      RedisStatus(
        live: LiveWeirs(isShared: options.sharesFallback), url: url.redacted, logger: logger,
        topology: url.topology(passwordFile: options.redisPasswordFile))
    }
    compiler = RuleCompiler(
      store: store, settings: settings, ipv6Prefix: options.ipv6Prefix, isShadow: options.isShadow, live: redis?.live)
    let descriptors = Machine.raiseDescriptorLimit()
    budget = ConnectionBudget(
      limit: max(1, min(Bounds.connections, descriptors - Bounds.spareDescriptors(of: descriptors))),
      refused: min(Bounds.refusedLingering, 1 + descriptors / 64))
    do throws(UVError) {
      loop = try Loop()
    } catch {
      throw StartFailure("weir: cannot make an event loop: \(error)\n")
    }
  }

  /// Serves until a signal ends it.
  func run() throws(StartFailure) {
    let loaded = try firstLoad()
    let rules = compiler.compile(loaded)
    let count = options.threads ?? Machine.usableCores()
    do throws(UVError) {
      try watchSignals()
      try makeWorkers(count, rules)
      for (number, worker) in workers.enumerated() { try worker.start(number: number) }
    } catch {
      throw StartFailure("weir: cannot start: \(error)\n")
    }
    waitForRedis()
    do throws(StartFailure) {
      try serve(loaded, rules)
    } catch {
      for worker in workers { worker.stop() }
      for worker in workers { worker.join() }
      throw error
    }
    loop.run()
    for worker in workers { worker.join() }
    loop.close()
    logger.log(.info, "stopped")
    StandardError.finish(logger.logger.format)
  }

  /// Opens every listener, then lets requests in.
  private func serve(_ loaded: LoadedPolicies, _ rules: Rules) throws(StartFailure) {
    let count = workers.count
    var sockets = Array(repeating: [ListeningSocket](), count: count)
    var addresses: [String] = []
    for address in options.listen {
      let opened = try Self.open(address, count: count)
      addresses.append("\(opened[0].boundAddress)")
      for (index, socket) in opened.enumerated() { sockets[index].append(socket) }
    }
    let admin = try options.admin.map { (address) throws(StartFailure) in try Self.open(address, count: 1)[0] }
    let metrics = try options.metrics.map { (address) throws(StartFailure) in try Self.open(address, count: 1)[0] }
    do throws(UVError) {
      try makeServers(admin: admin, metrics: metrics, makeReloader(loaded, rules))
      startTimers()
    } catch {
      throw StartFailure("weir: cannot start: \(error)\n")
    }
    for (worker, sockets) in zip(workers, sockets) { worker.listen(on: sockets) }
    logger.log(
      .info, "listening",
      [
        "listen": .list(addresses), "admin": .string(admin.map { "\($0.boundAddress)" } ?? "off"),
        "metrics": .string(metrics.map { "\($0.boundAddress)" } ?? "off"), "threads": .integer(Int64(count)),
        "version": .string(Version.text),
      ])
    logger.logLoaded(loaded)
    reloader?.start()
    Machine.forgetStartUpCode()
  }

  // MARK: Starting

  /// Gives Redis a moment, so that the first checks are already decided there; without it weir starts, degraded.
  private func waitForRedis() {
    guard let redis else { return }
    let end = Loop.monotonicNow() + Bounds.redisStart
    while !redis.isReady(workers: workers.count), Loop.monotonicNow() < end { usleep(Bounds.redisStartPause) }
  }

  /// Reads the policies; what is wrong with them ends the start.
  private func firstLoad() throws(StartFailure) -> LoadedPolicies {
    for _ in 0..<Bounds.firstLoadAttempts {
      switch PolicyLoader.load(path: options.policies, options: PolicyLoader.Options(options)) {
      case .loaded(let loaded): return loaded
      case .invalid(let diagnostics):
        throw StartFailure(PolicySummary.lines(diagnostics), code: .policies)
      case .unreadable(let problems):
        let hint = "; --policies or WEIR_POLICIES says where the policies are"
        throw StartFailure(
          problems.map { "weir: \($0.text)\($0.path == options.policies ? hint : "")\n" }.joined())
      case .changed: usleep(Bounds.firstLoadPause)
      }
    }
    throw StartFailure("weir: \(options.policies) keeps changing while it is read; try again\n")
  }

  private static func open(_ address: ListenAddress, count: Int) throws(StartFailure) -> [ListeningSocket] {
    do {
      switch address.place {
      case .tcp:
        return try ListeningSocket.open(try SocketAddress(parsing: address.text), count: count)
      case .unix(let path, let mode, let group):
        return try ListeningSocket.open(.unix(path: path), count: count, unixMode: mode, unixGroup: group)
      }
    } catch {
      throw StartFailure("weir: \(error)\n")
    }
  }
}
