// ScriptRig.swift: a real redis-server, asked by a plain blocking client, with the scripts' clock in the test's hands.

import Foundation
import Glibc
import Limiting
import Policies
import TestKit
import Testing

@testable import RedisStore

/// A redis-server on a Unix socket in a directory of its own, and one connection to it. Ended with its owner.
final class ScriptRig {
  /// A reply in RESP2.
  enum Reply: Equatable {
    case text([UInt8])
    case integer(Int64)
    case error(String)
    case array([Reply])
    case none
  }

  private let directory: TemporaryDirectory
  private let child: ChildProcess
  private let descriptor: Int32
  private var input: [UInt8] = []
  private var place = 0

  init() throws {
    directory = try TemporaryDirectory()
    let path = directory.file("redis")
    child = try ChildProcess([
      "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", directory.path,
    ])
    var connected: Int32 = -1
    try eventually("redis-server listens", within: 20) {
      connected = Self.connect(path)
      return connected >= 0
    }
    descriptor = connected
  }

  deinit {
    close(descriptor)
    child.signal(SIGTERM)
    _ = try? child.wait(within: 10)
  }

  private static func connect(_ path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(descriptor, $0, size) }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return -1
  }

  // MARK: Commands

  @discardableResult
  func command(_ words: [[UInt8]]) -> Reply {
    send(Self.bytes(words))
    return read()
  }

  @discardableResult
  func command(_ words: String...) -> Reply { command(words.map { Array($0.utf8) }) }

  /// A command in RESP, the plain way.
  static func bytes(_ words: [[UInt8]]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
    return bytes
  }

  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress! + sent, $0.count - sent)
      }
      precondition(count > 0, "redis-server takes what it is sent")
      sent += count
    }
  }

  func read() -> Reply {
    let line = readLine()
    let rest = String(decoding: line.dropFirst(), as: UTF8.self)
    switch line.first {
    case UInt8(ascii: "+"): return .text(Array(rest.utf8))
    case UInt8(ascii: "-"): return .error(rest)
    case UInt8(ascii: ":"): return .integer(Int64(rest) ?? 0)
    case UInt8(ascii: "$"):
      guard let count = Int(rest), count >= 0 else { return .none }
      while input.count - place < count + 2 { fill() }
      defer { place += count + 2 }
      return .text(Array(input[place..<place + count]))
    default:
      return .array((0..<(Int(rest) ?? 0)).map { _ in read() })
    }
  }

  private func readLine() -> [UInt8] {
    while true {
      if let end = input[place...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { place = end + 1 }
        return Array(input[place..<end - 1])
      }
      fill()
    }
  }

  private func fill() {
    input.removeFirst(place)
    place = 0
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
    precondition(count > 0, "redis-server answers: \(child.standardError)")
    input += chunk[..<count]
  }

  // MARK: The scripts

  /// The script with its clock replaced: it reads the microseconds that `setClock` has set. Loaded.
  func loadWithClock(_ script: Script) -> Script {
    let text = String(decoding: script.text, as: UTF8.self)
    let patched = text.replacing("redis.call('TIME')", with: "{0, redis.call('GET', 'clock')}")
    precondition(patched != text, "the script reads TIME")
    let script = Script(Array(patched.utf8))
    precondition(
      command([Array("SCRIPT".utf8), Array("LOAD".utf8), script.text]) == .text(script.digest), "it compiles")
    return script
  }

  func setClock(_ microseconds: Int64) { command("SET", "clock", String(microseconds)) }

  /// The names of all keys but the clock.
  var keys: [[UInt8]] {
    guard case .array(let replies) = command("KEYS", "weir:*") else { return [] }
    return replies.compactMap { if case .text(let name) = $0 { name } else { nil } }
  }
}

/// charge.lua in a real Redis as a store, with its clock in the test's hands. Each has counters of its own.
final class EvalStore: StoreUnderTest {
  let rig: ScriptRig
  private let script: Script
  /// A policy for each algorithm and slot, in this order.
  private let names: KeyNames
  private static let slots = 64
  private var call: ChargeCall
  var reply = ChargeReply()

  init(_ rig: ScriptRig, domain: String = "d" + String(UInt64.random(in: 0...(.max)), radix: 36)) {
    self.rig = rig
    script = rig.loadWithClock(.charge)
    call = ChargeCall(script: script)
    names = KeyNames(
      Algorithm.allCases.flatMap { algorithm in
        (0..<Self.slots).map { slot in
          Policy(
            domain: domain, name: "slot-\(slot)", limit: Limit(algorithm: algorithm, limit: 1, period: 1_000_000_000),
            store: .redis)
        }
      })
  }

  func decide(_ charges: inout [Charge], keys: [UInt8], at microseconds: Int64) -> Bool {
    let ticket = ticket(charges, keys: keys)
    if ticket.charges.contains(where: \.isForRedis) { decide([ticket], at: microseconds) }
    return take(ticket, into: &charges, at: microseconds)
  }

  /// A check as the Sidecar would ask it: blocks are decided beforehand, and make what Redis is asked only a look.
  func ticket(_ charges: [Charge], keys: [UInt8]) -> Ticket {
    let ticket = Ticket()
    var redis = charges
    for index in redis.indices {
      redis[index].place = .redis
      redis[index].policy = Int32(Int(redis[index].limit.algorithm.rawValue) * Self.slots + Int(redis[index].slot))
    }
    ticket.fill(redis, keys: keys.span, names: names, arrival: 0)
    ticket.onlyLooks = charges.contains { $0.effect == .block && !$0.isShadow && $0.cost > 0 }
    return ticket
  }

  /// The name of the key that `ask` charges.
  func name(of ask: Ask) -> [UInt8] {
    let (charges, keys) = Ask.check([ask])
    var name: [UInt8] = []
    names.append(policy: Int(ticket(charges, keys: keys).charges[0].policy), key: keys.span, to: &name)
    return name
  }

  /// What Redis answers to a call of all of them.
  func raw(_ tickets: [Ticket], at microseconds: Int64) -> ScriptRig.Reply {
    rig.setClock(microseconds)
    var bytes: [UInt8] = []
    for ticket in tickets { call.append(ticket) }
    call.write(to: &bytes)
    rig.send(bytes)
    return rig.read()
  }

  /// Asks all of them in one call.
  func decide(_ tickets: [Ticket], at microseconds: Int64) {
    let answer = raw(tickets, at: microseconds)
    guard case .text(let text) = answer else {
      Issue.record("charge.lua answered \(answer)")
      return
    }
    do {
      try reply.decode(text.span, into: tickets)
    } catch {
      Issue.record("not a reply to the call: \(error), \(text)")
    }
  }

  /// Whether the check passes; with what Redis and the blocks say.
  func take(_ ticket: Ticket, into charges: inout [Charge], at microseconds: Int64) -> Bool {
    var isAllowed = true
    for index in charges.indices {
      switch charges[index].effect {
      case .unlimited: continue
      case .block:
        charges[index].decision = charges[index].blocked(at: microseconds * 1000)
      case .limit: charges[index].decision = ticket.charges[index].decision
      }
      if !charges[index].decision.isAllowed, !charges[index].isShadow { isAllowed = false }
    }
    return isAllowed
  }
}
