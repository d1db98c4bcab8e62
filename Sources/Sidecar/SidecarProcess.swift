// SidecarProcess.swift: one run of `weir serve`, from options to exit, on the main thread.

import CheckAPI
import EventLoop
import Glibc
import Limiting
import PolicyFiles
import RedisStore
import Stores
import Telemetry

final class SidecarProcess {
  private let options: ServeOptions
  private let logger: EventLogger
  private let settings: APISettings
  private let state = ProcessState()
  private let store: MemoryStore
  private let keyDisplay: KeyDisplay
  /// nil where denials are not logged.
  private let denials: DenialLog?
  private let compiler: RuleCompiler
  /// nil where there is no Redis.
  private let redis: RedisStatus?
  private var sharesVersion = 0
  private let budget: ConnectionBudget
  private let loop: Loop
  private let ownCounters = WorkerCounters()
  private var workers: [Worker] = []
  private var servers: [HTTPServer] = []
  private var errands: Errands?
  private var reloader: Reloader?
  private var orders: OrderDelivery?
  private var mailbox: Mailbox<ControlMessage>?
  /// From the worker that reads what was ordered in Redis; nil where there is none.
  private var orderPages: Mailbox<OrderPage>?
  private var intake: OrderIntake?
  private var signals: SignalSource?
  private var timers: [Timer] = []
  private var undrained = 0
  private var overflow = GrowthWatch()
  private var refusals = GrowthWatch()

  private enum ControlMessage: Sendable {
    case workerDrained
  }

  /// Makes what needs neither files nor sockets.
  init(_ options: ServeOptions) throws(StartFailure) {
    try Self.checkFiles(options)
    self.options = options
    let format = options.logFormat ?? StandardError.defaultFormat
    logger = EventLogger(
      logger: Logger(level: options.logLevel, format: format, sink: StandardError.write))
    settings = APISettings(options)
    store = MemoryStore(maximumKeys: options.maximumKeys)
    let display = KeyDisplay(isHashed: options.hashesKeys)
    keyDisplay = display
    denials = options.loggedDenials.map { perSecond in
      DenialLog(perSecond: perSecond, format: format, display: display, write: StandardError.writeAtOnce)
    }
    redis = options.redis.map { [logger] url in
      RedisStatus(
        live: LiveWeirs(isShared: options.sharesFallback),
        topology: url.topology(passwordFile: options.redisPasswordFile),
        url: url.redacted, logger: logger)
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

  /// What Redis is to be asked with, and the token of operators, must be there at the start; later they are read anew
  /// at every connection or call.
  private static func checkFiles(_ options: ServeOptions) throws(StartFailure) {
    let target = options.redis?.target(passwordFile: options.redisPasswordFile)
    let files = [
      ("--admin-token-file", options.adminTokenFile), ("--redis-password-file", target?.passwordFile),
      ("--redis ?ca=", target?.tls?.authorities), ("--redis ?cert=", target?.tls?.certificate),
      ("--redis ?key=", target?.tls?.key), ("--redis ?sentinel_password_file=", options.redis?.sentinelPasswordFile),
    ]
    for case (let option, let path?) in files where unsafe access(path, R_OK) != 0 {
      let reason = unsafe String(cString: strerror(errno))
      throw StartFailure("weir: \(option) \(path): \(reason); give a file that weir may read\n")
    }
    if let path = options.adminTokenFile, AdminGuard.token(in: path) == nil {
      throw StartFailure(
        "weir: --admin-token-file \(path): its first line is no token; put one there, of 1 to \(Bounds.adminToken) printable "
          + "ASCII characters\n")
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
    while redis.connections < workers.count, Loop.monotonicNow() < end { usleep(Bounds.redisStartPause) }
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

  private func makeWorkers(_ count: Int, _ rules: Rules) throws(UVError) {
    let logger = self.logger
    let mailbox = try Mailbox<ControlMessage>(loop: loop, capacity: count + 1) { [unowned self] _ in
      undrained -= 1
      if undrained == 0 { finish() }
    }
    self.mailbox = mailbox
    if redis != nil {
      orderPages = try Mailbox(loop: loop, capacity: Bounds.orderPages) { [unowned self] page in
        intake?.take(page, now: state.clock.now(at: loop.now).unix)
      }
    }
    let id = Self.processID()
    for number in 0..<count {
      workers.append(
        try Worker(
          settings: settings, state: state, store: store, rules: rules, keys: keyDisplay, denials: denials,
          redis: seat(number, id), budget: budget,
          reportError: { error in logger.log(.warning, "accept failed", ["error": .string("\(error)")]) },
          onDrained: { _ = mailbox.post(.workerDrained) }))
    }
  }

  private func seat(_ number: Int, _ id: String) -> RedisSeat? {
    guard let redis, let url = options.redis else { return nil }
    var seat = RedisSeat(
      target: url.target(passwordFile: options.redisPasswordFile), timeout: options.redisTimeout,
      shared: RedisStore.Shared(breaker: redis.breaker, live: redis.live, id: id), announces: number == 0,
      status: redis)
    if number == 0, let orderPages { seat.takeOrders = { page in orderPages.post(page) } }
    return seat
  }

  /// What the other weirs know this one by: 64 random bits.
  private static func processID() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private func makeReloader(_ loaded: LoadedPolicies, _ rules: Rules) -> Reloader {
    let orders = OrderDelivery(loop: loop, workers: workers, rules: rules)
    self.orders = orders
    intake = OrderIntake(book: orders.book, workers: workers)
    let reloader = Reloader(
      loop: loop, path: options.policies, options: PolicyLoader.Options(options), first: loaded, firstRules: rules,
      compiler: compiler, logger: logger
    ) { rules in
      orders.adopt(rules)
    }
    self.reloader = reloader
    return reloader
  }

  private func makeServers(
    admin: ListeningSocket?, metrics: ListeningSocket?, _ reloader: Reloader
  ) throws(UVError) {
    let errands = try Errands(loop: loop, workers: workers)
    self.errands = errands
    guard let book = orders?.book else { preconditionFailure("the reloader comes with the order book") }
    let shared = redis.map { _ in
      RedisKeys(errands: errands, reloader: reloader) { [state, loop] in state.clock.now(at: loop.now).unix }
    }
    let desk = KeyDesk(
      state: state, loop: loop, store: store, reloader: reloader, book: book, shared: shared, live: redis?.live,
      display: keyDisplay, ipv6Prefix: options.ipv6Prefix, logger: logger)
    let pages = AdminPages(
      state: state, settings: settings, store: store, reloader: reloader, workers: workers, errands: errands,
      desk: desk,
      keyDisplay: keyDisplay, ownCounters: ownCounters, redis: redis)
    let guardian = AdminGuard(
      isLoopback: options.admin?.isLoopback ?? true, ownName: options.admin?.host, tokenFile: options.adminTokenFile)
    let logger = self.logger
    for (socket, kind) in [(admin, WorkerCounter.Listener.admin), (metrics, .metrics)] {
      guard let socket else { continue }
      let server = HTTPServer(
        loop: loop, responder: AdminResponder(pages.routes(), guardian, isReadOnly: kind == .metrics, logger: logger),
        counters: ownCounters, kind: kind,
        budget: ConnectionBudget(limit: Bounds.adminConnections),
        reportError: { error in logger.log(.warning, "accept failed", ["error": .string("\(error)")]) })
      try server.listen(on: socket)
      servers.append(server)
    }
  }

  private func watchSignals() throws(UVError) {
    signals = try SignalSource(loop: loop, signals: [.terminate, .interrupt, .hangup]) { [unowned self] signal in
      switch signal {
      case .hangup: reloader?.reloadNow()
      default: beginStop()
      }
    }
  }

  private func startTimers() {
    every(Bounds.clockInterval) { [unowned self] in
      state.clock.refresh()
      followShares()
      tellOfTrouble()
      orders?.book.sweep(now: state.clock.now(at: loop.now).unix)
    }
    every(Bounds.cellSweepInterval) { [state, store, loop] in
      store.sweep(budget: Bounds.cellSweepBudget, now: state.clock.now(at: loop.now))
    }
  }

  /// What goes on for a while and is told when it begins and when it is over.
  private func tellOfTrouble() {
    let keys = store.metrics
    switch overflow.look(at: UInt64(max(0, keys.overflowed)), now: loop.now) {
    case .began?:
      logger.log(
        .warning, "keys overflow", ["keys": .integer(Int64(keys.keys)), "limit": .integer(Int64(store.maximumKeys))])
    case .ended(let decisions)?:
      logger.log(.info, "keys fit again", ["decisions": .integer(Int64(clamping: decisions))])
    case nil: break
    }
    let refused = workers.reduce(0) { $0 &+ $1.responder.counters.count(.connectionsRefused) }
    switch refusals.look(at: refused, now: loop.now) {
    case .began?: logger.log(.warning, "connections refused", ["limit": .integer(Int64(budget.limit))])
    case .ended(let connections)?:
      logger.log(.info, "connections fit again", ["refused": .integer(Int64(clamping: connections))])
    case nil: break
    }
  }

  private func followShares() {
    guard let redis, redis.live.version != sharesVersion else { return }
    sharesVersion = redis.live.version
    compiler.followShares()
  }

  private func every(_ interval: Int64, _ action: @escaping () -> Void) {
    let timer = Timer(loop: loop) { _ in action() }
    timer.start(afterNanoseconds: interval, every: interval)
    timers.append(timer)
  }

  // MARK: Stopping

  /// A first signal drains; a second one ends at once.
  private func beginStop() {
    guard !state.isDraining else { return finish() }
    state.beginDraining()
    logger.log(
      .info, "draining",
      ["delay": .string(DurationText.text(options.drainDelay)), "connections": .integer(Int64(budget.count))])
    after(options.drainDelay) { [unowned self] in
      undrained = workers.count
      for worker in workers { worker.drain() }
      after(options.drain) { [unowned self] in
        logger.log(.warning, "drain timed out", ["connections": .integer(Int64(budget.count))])
        finish()
      }
    }
  }

  private func after(_ delay: Int64, _ action: @escaping () -> Void) {
    let timer = Timer(loop: loop) { _ in action() }
    timer.start(afterNanoseconds: delay)
    timers.append(timer)
  }

  /// Ends the workers, then everything of the main loop.
  private func finish() {
    for worker in workers { worker.stop() }
    for timer in timers { timer.close() }
    timers = []
    for server in servers { server.stop() }
    reloader?.stop()
    errands?.close()
    signals?.close()
    mailbox?.close()
    orderPages?.close()
    loop.stop()
  }
}
