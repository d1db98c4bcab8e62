// ChaosLoad.swift: the clients of a run: threads with one kept connection each, whose decisions come from their seeds,
// and who write down every check with what they know of it.

import Foundation
import Glibc
import Synchronization
import TestKit

/// Runs until `stop`.
final class ChaosLoad: Sendable {
  private let background: Background

  /// Mean time between two checks of one client.
  private static let pace = 28 * millisecond

  init(_ fleet: ChaosFleet, _ record: ChaosRecord) {
    let seeds = fleet.plan.clientSeeds
    background = Background(threads: seeds.count) { number in
      let client = ChaosClient(number, fleet, record, seed: seeds[number])
      // Until it is stopped: `Background` asks between two calls, and this is one.
      while !fleet.isLoadStopping { try client.ask() }
    }
  }

  func stop() throws { try background.stop() }

  fileprivate static func rest(_ random: inout SeededGenerator) {
    Thread.sleep(forTimeInterval: Double(Int.random(in: 0...2 * pace, using: &random)) / 1e9)
  }
}

/// One client. Used by one thread.
private final class ChaosClient {
  private let number: Int
  private let fleet: ChaosFleet
  private let record: ChaosRecord
  private var random: SeededGenerator
  private var connection: HTTPClient?
  private var life = 0
  private var connected = 0
  private var lastUsed = 0

  private var weir: Int { number % ChaosPlan.weirs }

  init(_ number: Int, _ fleet: ChaosFleet, _ record: ChaosRecord, seed: UInt64) {
    (self.number, self.fleet, self.record) = (number, fleet, record)
    random = SeededGenerator(seed: seed)
  }

  /// One check, or one attempt to connect.
  func ask() throws {
    guard let connection = connect() else { return pause(seconds: 0.05) }
    let path = random.pick(ChaosPolicy.paths)
    let user = ChaosPolicy.users[random.pick([0, 0, 0, 0, 0, 1, 1, 1, 2, 3])]
    let cost = random.pick([1, 1, 1, 1, 1, 1, 2, 2, 3])
    var check = blank(path, user, cost)
    let body = #"{"cost": \#(cost), "attributes": {"path": "\#(path)", "user": "\#(user)"}}"#
    do {
      let answer = try connection.request("POST", "/check", [("Content-Type", "application/json")], body: body)
      check.answered = record.clock.now
      Self.read(answer, into: &check)
      lastUsed = check.answered
      if answer.closes { self.connection = nil }
    } catch let failure as HTTPClient.NoAnswer {
      check.outcome = .failed(failure.isClosed ? .closed : .timedOut)
    } catch is SystemFailure {
      check.outcome = .failed(.closed)
    } catch {
      check.outcome = .failed(.senseless)
      record.finding("client \(number): \(error)")
    }
    if case .failed = check.outcome {
      check.answered = record.clock.now
      self.connection = nil
    }
    record.add(check)
    ChaosLoad.rest(&random)
  }

  private func blank(_ path: String, _ user: String, _ cost: Int) -> ChaosCheck {
    let now = record.clock.now
    return ChaosCheck(
      client: number, weir: weir, life: life, path: path, user: user, cost: cost, sent: now, answered: now,
      outcome: .failed(.refused), connected: connected, lastUsed: lastUsed)
  }

  private func connect() -> HTTPClient? {
    if let connection { return connection }
    // Cost 0: nothing can have been charged.
    var attempt = blank("/bucket", "", 0)
    do {
      (connection, life) = try fleet.connect(to: weir)
      connected = record.clock.now
      lastUsed = connected
      return connection
    } catch is SystemFailure {
      attempt.answered = record.clock.now
      record.add(attempt)
    } catch {}
    return nil
  }

  private static func read(_ answer: HTTPResponse, into check: inout ChaosCheck) {
    let json = answer.json
    check.isDegraded = json?["degraded"]?.bool == true
    check.limit = json?["limit"]?.int
    check.remaining = json?["remaining"]?.int
    let isSound = (0...(check.limit ?? .max)).contains(check.remaining ?? 0)
    switch answer.status {
    case 200 where isSound && json?["allowed"]?.bool == true: check.outcome = .allowed
    case 429 where isSound && json?["allowed"]?.bool == false:
      check.outcome = .denied(by: json?["violated-policies"]?.array?.compactMap(\.string) ?? [])
    case 503 where json?["detail"]?.string?.hasPrefix("too many connections") == true: check.outcome = .failed(.full)
    case 503 where answer.int("Retry-After") == 1: check.outcome = .undecided
    default: check.outcome = .failed(.senseless)
    }
  }
}
