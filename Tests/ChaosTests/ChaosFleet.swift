// ChaosFleet.swift: the weirs and the Redis of a run, their shared policy directory, and a watch on each weir.
// ChaosFleet+Faults.swift is what befalls them.

import Foundation
import Glibc
import Synchronization
import TestKit

/// Three weirs with one Redis or one cluster. Ended with its owner. Thread-safe.
final class ChaosFleet: Sendable {
  let plan: ChaosPlan
  let record: ChaosRecord
  let directory: TemporaryDirectory
  let policies: TemporaryDirectory
  let redis: RedisServer?
  let cluster: RedisCluster?
  let logDisk: SmallDisk
  private let places: [ChaosWeir.Place]
  private let current: Mutex<[Int: ChaosWeir]>
  private let lives = Atomic(0)
  private let isStopping = Atomic(false)
  private let loadStopping = Atomic(false)
  private let watchers = DispatchGroup()

  static let redisTimeout = 250 * millisecond
  /// With this bound 80 connections of clients are served.
  static let fewDescriptors = 128
  /// Counters live through a `kill -9`: what was written is the kernel's.
  static let keeping = ["--appendonly", "yes", "--appendfsync", "no"]

  /// Starts everything, and waits until all weirs know of each other.
  init(_ plan: ChaosPlan, _ record: ChaosRecord) throws {
    (self.plan, self.record) = (plan, record)
    directory = try TemporaryDirectory()
    policies = try TemporaryDirectory()
    logDisk = try SmallDisk()
    let url: String
    switch plan.scenario {
    case .redis:
      let server = try RedisServer(arguments: plan.keepsData ? Self.keeping : [])
      (redis, cluster, url) = (server, nil, server.url)
    case .cluster:
      let nodes = try RedisCluster(masters: 3, replicas: 0, arguments: Self.keeping)
      (redis, cluster, url) = (nil, nodes, nodes.url)
    }
    var places: [ChaosWeir.Place] = []
    for number in 0..<ChaosPlan.weirs {
      let listen = Address.tcp(host: "127.0.0.1", port: try RedisServer.freePort())
      let admin = Address.tcp(host: "127.0.0.1", port: try RedisServer.freePort())
      places.append(
        .init(
          number: number, listen: listen, admin: admin,
          log: number == ChaosPlan.chattyWeir ? logDisk.log : directory.file("weir-\(number).log"),
          policies: policies.path, redis: url, redisTimeout: Self.redisTimeout,
          descriptors: number == ChaosPlan.crampedWeir ? Self.fewDescriptors : nil,
          skew: number == plan.skewedWeir ? plan.skew : 0))
    }
    self.places = places
    current = Mutex([:])
    try write(PolicySetting())
    for number in 0..<ChaosPlan.weirs { try start(number) }
    for number in 0..<ChaosPlan.weirs { watch(number) }
    try waitUntilWell()
  }

  deinit { stop() }

  /// Ends the watch; the processes end with this.
  func stop() {
    isStopping.store(true, ordering: .relaxed)
    watchers.wait()
  }

  /// Clients stop asking.
  func stopLoad() { loadStopping.store(true, ordering: .relaxed) }
  var isLoadStopping: Bool { loadStopping.load(ordering: .relaxed) }

  /// What weirs and Redis have logged, by file.
  var logs: [String: String] {
    var logs: [String: String] = [:]
    for place in places {
      logs["weir-\(place.number).log"] = try? String(contentsOfFile: place.log, encoding: .utf8)
    }
    if let cluster { logs["cluster.log"] = cluster.logTails(lines: 200) }
    return logs
  }

  // MARK: weirs

  /// The process that stands for a weir, or the last one that did.
  func weir(_ number: Int) throws -> ChaosWeir {
    guard let weir = current.withLock({ $0[number] }) else { throw NeverHappened(description: "no weir \(number)") }
    return weir
  }

  /// A new connection of a client, with the life that accepted it; throws where nobody listens.
  func connect(to number: Int) throws -> (client: HTTPClient, life: Int) {
    let before = try weir(number).life
    let client = try HTTPClient(places[number].listen, timeout: 30)
    guard try weir(number).life == before else { throw NeverHappened(description: "weir \(number) was restarted") }
    return (client, before)
  }

  func start(_ number: Int) throws {
    let life = lives.add(1, ordering: .relaxed).oldValue
    let skew = places[number].skew * second
    let began = record.clock.now
    record.change {
      $0.lives[life] = .init(
        weir: number, skew: skew, span: Span(from: began, to: Span.always.to), ready: Span.always.to)
    }
    let weir = try ChaosWeir(places[number], life: life)
    current.withLock { $0[number] = weir }
    try weir.waitUntilReady()
    let ready = record.clock.now
    record.life(life) { $0.ready = ready }
  }

  // MARK: policies

  /// Writes what differs, by rename, and takes away what is not there.
  func write(_ setting: PolicySetting) throws {
    for file in PolicySetting().files.keys.sorted() {
      let old = try? policies.read(file)
      if let text = setting.files[file] {
        if text != old { try policies.replace(file, text) }
      } else if old != nil {
        try policies.remove(file)
      }
    }
  }

  /// The digest of the set in force at each weir, and what is wrong with the files, as they say.
  func loaded() throws -> [(digest: String, isWrong: Bool)] {
    try (0..<ChaosPlan.weirs).map { number in
      let page = try weir(number).admin("/policies").json
      let error = page?["last_error"]
      return (page?["sha256"]?.string ?? "", error != nil && error != .null)
    }
  }

  // MARK: the watch

  /// What a healthy weir has of connections to Redis.
  private var connections: Int { ChaosWeir.threads * (cluster == nil ? 1 : 3) }

  private func watch(_ number: Int) {
    watchers.enter()
    Thread.detachNewThread { [self] in
      defer { watchers.leave() }
      while !isStopping.load(ordering: .relaxed) {
        look(at: number)
        pause(seconds: 0.4)
      }
    }
  }

  private func look(at number: Int) {
    guard let weir = try? weir(number) else { return }
    if let memory = weir.memory, let descriptors = weir.descriptors {
      record.use(of: number, memory: memory, descriptors: descriptors)
    }
    let asked = record.clock.now
    guard let page = try? weir.admin("/metrics").text else { return }
    let at = record.clock.now
    let sample = ChaosHistory.Sample(
      asked: asked, at: at, live: Self.value("weir_live_weirs", page) ?? 0,
      isWell: Self.value("weir_redis_breaker_state", page) == 0
        && Self.value("weir_redis_connections", page) ?? 0 >= connections)
    record.change { $0.samples[weir.life, default: []].append(sample) }
  }

  /// The first sample of a metric.
  private static func value(_ name: String, _ page: String) -> Int? {
    guard let place = page.range(of: "\n\(name)"), let end = page[place.upperBound...].firstIndex(of: "\n") else {
      return nil
    }
    // The line begins with the name or is a comment; `{labels}` hold no space.
    let line = page[place.upperBound..<end]
    return line.split(separator: " ").last.flatMap { Int($0) }
  }

  /// Waits until every weir tells that it is well and knows of all.
  func waitUntilWell(within limit: Double = 60) throws {
    let from = record.clock.now
    try eventually("all weirs are well and know of \(ChaosPlan.weirs)", within: limit) {
      let samples = record.history.samples
      return try (0..<ChaosPlan.weirs).allSatisfy { number in
        guard let last = samples[try weir(number).life]?.last else { return false }
        return last.asked >= from && last.isWell && last.live == ChaosPlan.weirs
      }
    }
  }
}
