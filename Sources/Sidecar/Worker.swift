// Worker.swift: one thread with its loop, its listeners and its connections. Between workers there are only immutable
// policy sets, mailboxes, and the cells of the memory store.

import CheckAPI
import EventLoop
import Stores
import Telemetry

/// One thread of the data plane.
///
/// SAFETY of `@unchecked Sendable`: built on the main thread, then touched only on its own, but for `post`, `join`, and
/// the counters, which may be used from anywhere.
final class Worker: @unchecked Sendable {
  enum Message: Sendable {
    case adopt(Rules)
    case drain
    /// Ends all connections, drained or not.
    case stop
  }

  let responder: DataResponder
  private let loop: Loop
  private let server: HTTPServer
  private var mailbox: Mailbox<Message>?
  private var thread: Thread?
  private let onDrained: @Sendable () -> Void

  /// - Parameters:
  ///   - sockets: One of each address.
  ///   - onDrained: Called on the worker's thread, once no connection is left after `.drain`.
  init(
    sockets: [ListeningSocket], settings: APISettings, state: ProcessState, store: MemoryStore, rules: Rules,
    budget: ConnectionBudget, reportError: @escaping @Sendable (UVError) -> Void,
    onDrained: @escaping @Sendable () -> Void
  ) throws(UVError) {
    loop = try Loop()
    self.onDrained = onDrained
    responder = DataResponder(loop: loop, settings: settings, state: state, store: store, rules: rules)
    server = HTTPServer(
      loop: loop, responder: responder, counters: responder.counters, kind: .data, budget: budget,
      reportError: reportError)
    for socket in sockets { try server.listen(on: socket) }
    mailbox = try Mailbox(loop: loop, capacity: Bounds.mailbox) { [unowned self] in receive($0) }
  }

  func start(number: Int) throws(UVError) {
    thread = try Thread.start(name: "weir-\(number)") { [self] in
      loop.run()
      loop.close()
    }
  }

  /// Sends a message, from any thread. A worker that has not taken the last 64 is not running any more.
  func post(_ message: Message) {
    _ = mailbox?.post(message)
  }

  func join() { thread?.join() }

  private func receive(_ message: Message) {
    switch message {
    case .adopt(let rules):
      responder.adopt(rules)
    case .drain:
      server.drain { [onDrained] in onDrained() }
    case .stop:
      server.stop()
      mailbox?.close()
      loop.stop()
    }
  }
}
