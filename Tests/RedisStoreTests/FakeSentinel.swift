// FakeSentinel.swift: a sentinel on the test's own loop that says what the test tells it.

import EventLoop
import Synchronization

@testable import RedisStore

final class FakeSentinel {
  static let name = "mymaster"
  let server: FakeRedis
  /// Where it says the master is; nil: it knows none of that name.
  var master: NodeAddress?
  var epoch: Int64
  /// Whether it answers questions.
  var answers = true
  /// What it says first to whoever asks SENTINEL MASTER, in place of the epoch's reply.
  var oddity: String?
  /// The connections that have subscribed.
  private var listeners: Set<Int> = []

  init(_ loop: Loop, master: NodeAddress?, epoch: Int64 = 0) throws {
    server = try FakeRedis(loop)
    self.master = master
    self.epoch = epoch
    server.answer = { [unowned self] command, connection in
      if command.first == "SUBSCRIBE" { listeners.insert(connection) }
      return answer(command)
    }
  }

  var address: NodeAddress { NodeAddress(host: "127.0.0.1", port: server.address.port ?? 0) }

  /// How often it was asked where the master is.
  var questions: Int { server.commands.count { $0.dropFirst().first == "GET-MASTER-ADDR-BY-NAME" } }

  private func answer(_ command: [String]) -> FakeAnswer {
    switch command.first {
    case "PING": return .say(Self.array(["pong", ""]))
    case "SUBSCRIBE": return .say("*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1")
    case "SENTINEL" where !answers: return .nothing
    case "SENTINEL":
      guard let master, command.last == Self.name else {
        return .say(command[1] == "MASTER" ? "-ERR No such master with that name" : "*-1")
      }
      if command[1] == "MASTER" {
        return .say(
          oddity ?? Self.array(["name", Self.name, "ip", "10.9.9.9", "config-epoch", "\(epoch)", "quorum", "2"]))
      }
      return .say(Self.array([master.host, "\(master.port)"]))
    default: return FakeRedis.healthy(command)
    }
  }

  /// Tells all who have subscribed that the master has changed.
  func announce(_ text: String = "\(name) 10.0.0.1 1 10.0.0.2 2") {
    for connection in server.connections where !connection.isClosed && listeners.contains(connection.number) {
      connection.act(.say(Self.array(["message", "+switch-master", text])))
    }
  }

  static func array(_ words: [String]) -> String {
    "*\(words.count)" + words.map { "\r\n$\($0.utf8.count)\r\n\($0)" }.joined()
  }
}

/// Remembers what a directory tells.
final class RecordingMasters: MasterObserver {
  enum Event: Equatable, Sendable {
    case found(NodeAddress, epoch: Int64)
    case failed(RedisFailure, String)
    case answers(NodeAddress)
  }

  private let heard = Mutex<[Event]>([])
  var events: [Event] { heard.withLock { $0 } }
  var found: [NodeAddress] { events.compactMap { if case .found(let address, _) = $0 { address } else { nil } } }
  var failures: [String] { events.compactMap { if case .failed(_, let detail) = $0 { detail } else { nil } } }

  func masterFound(at address: NodeAddress, epoch: Int64) {
    heard.withLock { $0.append(.found(address, epoch: epoch)) }
  }
  func sentinelFailed(_ failure: RedisFailure, detail: String) {
    heard.withLock { $0.append(.failed(failure, detail)) }
  }
  func sentinelAnswers(_ sentinel: NodeAddress) { heard.withLock { $0.append(.answers(sentinel)) } }
}
