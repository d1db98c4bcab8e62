// SentinelWatch.swift: asks all sentinels of a list where the master is, on one loop for the process, and writes what they
// say into the directory.
//
// Each sentinel has two connections: one that is asked every second, and one that subscribes to its announcements of
// failovers, since a connection that has subscribed takes no questions. An announcement is only a reason to ask: what
// counts is an address together with its epoch. Sentinels are asked side by side, so that one that hangs holds nothing
// up, and with short waits for ever: none of this is in the way of a check.

public import EventLoop

/// The one who listens to the sentinels, for one process. Used only on its loop's thread.
public final class SentinelWatch {
  private let contacts: [SentinelContact]
  private var timer: Timer?

  /// - Parameter directory: Kept, and told everything.
  public init(loop: Loop, directory: MasterDirectory) {
    contacts = directory.target.sentinels.indices.map { SentinelContact($0, loop: loop, directory: directory) }
    for contact in contacts {
      contact.heardOfFailover = { [unowned self] in askAll() }
    }
    timer = Timer(loop: loop) { [unowned self] _ in
      for contact in contacts { contact.tick() }
    }
  }

  public func start() {
    for contact in contacts { contact.start() }
    timer?.start(afterNanoseconds: Bounds.sentinelInterval, every: Bounds.sentinelInterval)
  }

  /// Ends all connections. May be called twice.
  public func stop() {
    timer?.close()
    for contact in contacts { contact.stop() }
  }

  private func askAll() {
    for contact in contacts { contact.ask() }
  }
}
