// Preparer.swift: runs preparations off the loop, one at a time, each on a thread of its own.
//
// Not on the loops' shared pool: it has four threads, a name server that is away holds each for half a minute, and
// reloads of policies need them too. A preparation that nobody waits for any more is left alone until it ends (a look-up
// cannot be interrupted); then its thread is joined and its result dropped. A loop that closes does not wait for it.

import EventLoop

/// Makes preparations for one link.
final class Preparer {
  private let loop: Loop
  /// Of preparations that begin from now on.
  var work: @Sendable () -> Result<Preparation, LinkFailure>
  private var mailbox: Mailbox<Result<Preparation, LinkFailure>>?
  private var thread: Thread?
  /// Whether the one under way is the one that is wanted, and another wanted after it.
  private var isWanted = false
  private var isStale = false
  private var isClosed = false
  private let deliver: (Result<Preparation, LinkFailure>) -> Void

  /// - Parameters:
  ///   - work: Makes one preparation; may block, for ever even.
  ///   - deliver: Gets the result of each `begin`, on the loop's thread.
  init(
    loop: Loop, work: @escaping @Sendable () -> Result<Preparation, LinkFailure>,
    deliver: @escaping (Result<Preparation, LinkFailure>) -> Void
  ) {
    self.loop = loop
    self.work = work
    self.deliver = deliver
  }

  deinit { close() }

  /// Begins a preparation, or, where an earlier one is still under way, begins it after that one's end.
  ///
  /// - Throws: When the process has no threads or descriptors left.
  func begin() throws(UVError) {
    isWanted = true
    isStale = thread != nil
    if thread == nil { try run() }
  }

  /// The result of the last `begin` is not wanted any more.
  func cancel() { isWanted = false }

  /// Ends it for good. May be called twice.
  func close() {
    isClosed = true
    isWanted = false
    mailbox?.close()
    mailbox = nil
  }

  private func run() throws(UVError) {
    let mailbox = try openMailbox()
    thread = try Thread.start(name: "weir-redis") { [work] in _ = mailbox.post(work()) }
  }

  private func openMailbox() throws(UVError) -> Mailbox<Result<Preparation, LinkFailure>> {
    if let mailbox { return mailbox }
    let opened = try Mailbox<Result<Preparation, LinkFailure>>(loop: loop, capacity: 1) { [weak self] result in
      self?.ended(result)
    }
    mailbox = opened
    return opened
  }

  private func ended(_ result: Result<Preparation, LinkFailure>) {
    thread?.join()  // posting was the last thing that it did
    thread = nil
    guard isWanted else { return }
    guard isStale else {
      isWanted = false
      return deliver(result)
    }
    isStale = false
    do { try run() } catch {
      isWanted = false
      deliver(.failure(LinkFailure(.resolve, "no thread to look the name up on: \(error.message)")))
    }
  }
}
