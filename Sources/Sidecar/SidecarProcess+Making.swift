// SidecarProcess+Making.swift: the parts of the process, made and joined: workers, the reloader with the order book, the
// admin and metrics servers.

import CheckAPI
import EventLoop
import Limiting
import PolicyFiles
import RedisStore
import Telemetry

extension SidecarProcess {
  func makeWorkers(_ count: Int, _ rules: Rules) throws(UVError) {
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
    // One for all workers: what it holds they share.
    let shared = redis.map { RedisStore.Shared(servers: $0.servers, live: $0.live, id: Self.processID()) }
    for number in 0..<count {
      workers.append(
        try Worker(
          settings: settings, state: state, store: store, rules: rules, keys: keyDisplay, denials: denials,
          redis: seat(number, shared), budget: budget, claimLimit: Bounds.claims(workers: count),
          waitingLimit: Bounds.waiting(workers: count),
          reportError: { error in logger.log(.warning, "accept failed", ["error": .string("\(error)")]) },
          onDrained: { _ = mailbox.post(.workerDrained) }))
    }
  }

  private func seat(_ number: Int, _ shared: RedisStore.Shared?) -> RedisSeat? {
    guard let redis, let shared else { return nil }
    var seat = RedisSeat(timeout: options.redisTimeout, shared: shared, announces: number == 0, status: redis)
    if number == 0, let orderPages { seat.takeOrders = { page in orderPages.post(page) } }
    return seat
  }

  /// What the other weirs know this one by: 64 random bits.
  private static func processID() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  func makeReloader(_ loaded: LoadedPolicies, _ rules: Rules) -> Reloader {
    let orders = OrderDelivery(loop: loop, workers: workers, rules: rules, logger: logger)
    self.orders = orders
    intake = OrderIntake(book: orders.book, workers: workers, store: store, logger: logger)
    let reloader = Reloader(
      loop: loop, path: options.policies, options: PolicyLoader.Options(options), first: loaded, firstRules: rules,
      compiler: compiler, logger: logger
    ) { rules in
      orders.adopt(rules)
    }
    self.reloader = reloader
    return reloader
  }

  func makeServers(
    admin: ListeningSocket?, metrics: ListeningSocket?, _ reloader: Reloader
  ) throws(UVError) {
    let errands = try Errands(loop: loop, workers: workers)
    self.errands = errands
    guard let orders else { preconditionFailure("the reloader comes with the order book") }
    let settling = OrderSettling(
      loop: loop, delivery: orders, intake: redis == nil ? nil : intake, errands: errands)
    self.settling = settling
    let shared = redis.map { _ in
      RedisKeys(errands: errands, reloader: reloader) { [state, loop] in state.clock.now(at: loop.now).unix }
    }
    let desk = KeyDesk(
      state: state, loop: loop, store: store, reloader: reloader, book: orders.book, settling: settling, shared: shared,
      live: redis?.live, display: keyDisplay, ipv6Prefix: options.ipv6Prefix, logger: logger)
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
        loop: loop,
        responder: AdminResponder(
          pages.routes(), guardian, isReadOnly: kind == .metrics, counters: ownCounters, logger: logger),
        counters: ownCounters, kind: kind,
        budget: ConnectionBudget(limit: Bounds.adminConnections), idleTime: Bounds.adminIdleTime,
        givesOnePageATurn: true,
        reportError: { error in logger.log(.warning, "accept failed", ["error": .string("\(error)")]) })
      try server.listen(on: socket)
      servers.append(server)
    }
  }
}
