// ChaosFleet+Faults.swift: what befalls a fleet, each fault with what the history has to know of it and with what must
// hold meanwhile. A fault returns when it is over and its target is back.

import Foundation
import Glibc
import TestKit

extension ChaosFleet {
  func commit(_ fault: ChaosPlan.Fault) throws {
    record.event("\(fault.kind.rawValue) \(fault.target)")
    record.count(fault.kind)
    let lasts = fault.span.to - fault.span.from
    switch fault.kind {
    case .killWeir: try killWeir(fault.target, lasts)
    case .drainWeir: try drainWeir(fault.target, lasts)
    case .freezeWeir: try freezeWeir(fault.target, lasts)
    case .raiseLimits: try reload(PolicySetting(numerator: 2), lasts)
    case .lowerLimits: try reload(PolicySetting(denominator: 2), lasts)
    case .shadowPolicies: try reload(PolicySetting(shadow: ["bucket", "log", "local-fixed"]), lasts)
    case .removePolicies: try reload(PolicySetting(hasExtra: false), lasts)
    case .breakPolicies: try breakPolicies(lasts)
    case .fillDescriptors: try fillDescriptors(fault.target, lasts)
    case .killRedis: try killRedis(fault.target, lasts)
    case .freezeRedis: try freezeRedis(fault.target, lasts)
    case .moveSlots: try moveSlots(to: fault.target)
    case .flushScripts: flushScripts()
    case .closeRedisConnections: closeRedisConnections()
    case .fillLogDisk: try fillLogDisk(lasts)
    }
  }

  private func rest(_ nanoseconds: Int) { record.clock.sleep(until: record.clock.now + nanoseconds) }

  // MARK: weirs

  private func killWeir(_ number: Int, _ lasts: Int) throws {
    let weir = try weir(number)
    let from = record.clock.now
    // Known before it happens: a client may see it at once.
    record.life(weir.life) { $0.killed = Span(from: from, to: from) }
    weir.signal(SIGKILL)
    _ = try weir.wait(within: 30)
    ended(weir.life) { $0.killed?.to = $1 }
    rest(lasts)
    try start(number)
  }

  private func drainWeir(_ number: Int, _ lasts: Int) throws {
    let weir = try weir(number)
    let from = record.clock.now
    record.life(weir.life) { $0.stopping = Span(from: from, to: Span.always.to) }
    weir.signal(SIGTERM)
    let status = try weir.wait(within: 60)
    if status != .exited(0) { record.finding("weir \(number) was asked to end, and ended with \(status)") }
    ended(weir.life) { $0.stopping?.to = $1 }
    rest(lasts)
    try start(number)
  }

  private func ended(_ life: Int, _ note: (inout ChaosHistory.Life, Int) -> Void) {
    let now = record.clock.now
    record.life(life) {
      $0.span.to = now
      note(&$0, now)
    }
  }

  private func freezeWeir(_ number: Int, _ lasts: Int) throws {
    let weir = try weir(number)
    let from = record.clock.now
    record.life(weir.life) { $0.frozen.append(Span(from: from, to: Span.always.to)) }
    weir.signal(SIGSTOP)
    rest(lasts)
    weir.signal(SIGCONT)
    let to = record.clock.now
    record.life(weir.life) { $0.frozen[$0.frozen.count - 1].to = to }
  }

  /// Idle connections beyond what one weir may have: the next get 503, and those that it has go on.
  private func fillDescriptors(_ number: Int, _ lasts: Int) throws {
    let weir = try weir(number)
    let from = record.clock.now
    record.change { $0.floods.append((weir: number, span: Span(from: from, to: Span.always.to))) }
    var flood: [HTTPClient] = []
    for _ in 0..<Self.fewDescriptors + 40 {
      if let client = try? HTTPClient(weir.place.listen, timeout: 10) { flood.append(client) }
    }
    rest(lasts)
    let isRefused = flood.contains { $0.hasInput() } || flood.last?.hasInput(within: 10_000) == true
    if !isRefused {
      record.finding("\(flood.count) connections to a weir of \(Self.fewDescriptors) descriptors, no 503")
    }
    if weir.poll() != nil { record.finding("weir \(number) ended for want of descriptors") }
    flood.removeAll()
    record.change {
      let index = $0.floods.count - 1
      $0.floods[index].span.to = record.clock.now
    }
    try eventually("weir \(number) serves new connections again", within: 30) {
      (try? HTTPClient(weir.place.listen, timeout: 10).request("GET", "/healthz").status) == 200
    }
  }

  // MARK: policies

  /// Other policies, in force at all weirs, and back.
  private func reload(_ setting: PolicySetting, _ lasts: Int) throws {
    try putInForce(setting)
    rest(lasts)
    try putInForce(PolicySetting())
  }

  /// From now on a setting may be in force; once all weirs have loaded it, no other is.
  private func putInForce(_ setting: PolicySetting) throws {
    let before = try loaded()
    let from = record.clock.now
    record.change { history in
      for policy in ChaosPolicy.all { history.phases[policy.name]?.append(setting.phase(of: policy, from: from)) }
    }
    try write(setting)
    try eventually("changed policies are in force at all weirs", within: 60) {
      guard let after = try? loaded() else { return false }
      return Set(after.map(\.digest)).count == 1 && after[0].digest != before[0].digest
        && !after.contains(where: \.isWrong)
    }
    let to = record.clock.now
    record.change { history in
      for policy in ChaosPolicy.all {
        guard var phases = history.phases[policy.name] else { continue }
        for index in phases.indices.dropLast() { phases[index].span.to = min(phases[index].span.to, to) }
        history.phases[policy.name] = phases
      }
    }
    noteReload("changed policies", from, to)
  }

  /// Stated is a second; a busy machine gets more, and one that stood still as much as it takes.
  private func noteReload(_ what: String, _ from: Int, _ to: Int) {
    guard to - from > 8 * second, !record.history.hasStall(in: Span(from: from, to: to)) else { return }
    record.finding("\(what): noticed by all weirs after \(seconds(to - from))")
  }

  /// A file that is wrong: every weir says so, and keeps the old set in force.
  private func breakPolicies(_ lasts: Int) throws {
    let before = try loaded().map(\.digest)
    let from = record.clock.now
    let good = try policies.read("chaos.yaml")
    // Half a file, written in place, as an editor that is interrupted leaves it.
    try policies.write("chaos.yaml", String(good.prefix(good.count / 2)))
    try eventually("all weirs tell that the files are wrong", within: 60) {
      (try? loaded().allSatisfy(\.isWrong)) == true
    }
    noteReload("a broken file", from, record.clock.now)
    rest(lasts)
    if try loaded().map(\.digest) != before { record.finding("a broken file changed the policies in force") }
    try policies.write("chaos.yaml", good)
    try eventually("all weirs tell that the files are right again", within: 60) {
      (try? loaded().contains(where: \.isWrong)) == false
    }
    if try loaded().map(\.digest) != before { record.finding("a mended file is another one") }
  }

  // MARK: Redis

  /// The server that a fault is about.
  private func server(_ number: Int) throws -> RedisServer {
    if let redis { return redis }
    guard let cluster else { throw NeverHappened(description: "no Redis") }
    return cluster.nodes[number].server
  }

  private func killRedis(_ number: Int, _ lasts: Int) throws {
    let from = beginOutage(isFreeze: false)
    let keeps = plan.keepsData
    if let cluster { try cluster.kill9(cluster.nodes[number]) } else { try server(number).kill() }
    let dead = record.clock.now
    if !keeps {
      // What was decided before its end belongs to the old epoch, what will be decided to the next.
      record.change {
        $0.epochs[$0.epochs.count - 1].to = dead
        $0.epochs.append(Span(from: from, to: Span.always.to))
      }
    }
    rest(lasts)
    if !keeps {
      let begin = record.clock.now
      record.change { $0.epochs[$0.epochs.count - 1].from = begin }
    }
    if let cluster { try cluster.restart(cluster.nodes[number]) } else { try server(number).restart() }
    // A node of a cluster serves only when it believes the others, some two seconds later.
    try settle()
    endOutage()
  }

  private func freezeRedis(_ number: Int, _ lasts: Int) throws {
    _ = beginOutage(isFreeze: true)
    let frozen = record.clock.now
    if let cluster { cluster.freeze(cluster.nodes[number]) } else { try server(number).pause() }
    rest(lasts)
    let thaw = record.clock.now
    if let cluster { cluster.thaw(cluster.nodes[number]) } else { try server(number).resume() }
    record.event("thawed after \(seconds(thaw - frozen))")
    try settle()
    endOutage()
  }

  /// Waits until a cluster serves all slots; who still loads, or has closed our connection, is asked again.
  private func settle() throws {
    guard let cluster else { return }
    try eventually("the cluster settles", within: 60) { (try? cluster.waitUntilSettled(within: 10)) != nil }
  }

  private func beginOutage(isFreeze: Bool) -> Int {
    let from = record.clock.now
    record.change { $0.outages.append(.init(span: Span(from: from, to: Span.always.to), isFreeze: isFreeze)) }
    return from
  }

  private func endOutage() {
    let to = record.clock.now
    record.change { $0.outages[$0.outages.count - 1].span.to = to }
  }

  /// Slots that hold counters go to another node, while they are counted.
  private func moveSlots(to number: Int) throws {
    guard let cluster else { return }
    let target = cluster.nodes[number]
    let others = cluster.nodes.filter { $0 !== target }
    let keys = try others.flatMap { try $0.server.keys("weir:*").prefix(3) }
    let slots = Set(try keys.map { try cluster.slot(of: $0) }).sorted()
    let moved = try cluster.moveSlots(slots, to: target, keysAtOnce: 3, pausing: 0.02)
    record.event("\(moved) keys of slots \(slots) moved to node \(number)")
  }

  // MARK: what nobody should notice

  /// On every server that is there.
  private func everywhere(_ command: String...) {
    let servers = redis.map { [$0] } ?? cluster?.living.map(\.server) ?? []
    for server in servers {
      // It may be dead or frozen just now; then there is nothing to do, and no time to wait.
      let socket = Address.unix(path: server.directory.file("redis.sock"))
      guard let client = try? RedisClient(socket, timeout: 1) else { continue }
      _ = try? client.ask("AUTH", "operator", "any")
      _ = try? client.ask(command)
    }
  }

  func flushScripts() { everywhere("SCRIPT", "FLUSH") }

  private func closeRedisConnections() {
    let from = record.clock.now
    record.change { $0.disturbances.append(Span(from: from, to: Span.always.to)) }
    // Weirs are `default`; we, and nodes that move keys, are somebody else.
    everywhere("CLIENT", "KILL", "USER", "default")
    let to = record.clock.now
    record.change { $0.disturbances[$0.disturbances.count - 1].to = to }
  }

  private func fillLogDisk(_ lasts: Int) throws {
    try logDisk.fill()
    rest(lasts)
    try logDisk.empty()
  }
}
