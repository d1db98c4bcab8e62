// Mailbox.swift: messages from any thread to one loop, in order, bounded (uv_async_t, the one libuv handle that other
// threads may touch).
//
// A mutex guards the queue; whoever puts the first message rings the loop. The loop takes one message at a time, so
// that the bound holds exactly and a handler may close the mailbox in the middle; it takes at most one mailbox full a
// turn, so that fast senders cannot starve its other events.

import CUV
import Synchronization

/// A queue from any thread to the thread of one loop. An open mailbox keeps its loop running.
@safe public final class Mailbox<Message: Sendable>: HandleOwner, RingAnswerer, Sendable {
  private let capacity: Int
  private let state: Mutex<MailboxState<Message>>
  /// SAFETY: touched only on the loop's thread.
  private nonisolated(unsafe) var handler: ((Message) -> Void)?

  /// A mailbox that delivers to `handler` on the thread of `loop`. Close it when it is no longer needed: until then it
  /// and its handler are kept.
  ///
  /// - Parameter capacity: Messages that may wait, at least 1.
  /// - Throws: When the loop cannot be woken from outside (no descriptors left).
  public init(loop: Loop, capacity: Int, handler: @escaping (Message) -> Void) throws(UVError) {
    precondition(capacity > 0, "a mailbox without room loses every message")
    self.capacity = capacity
    unsafe self.handler = handler
    let bell = unsafe Bell(handle: allocateZeroed(uv_async_t.self))
    state = Mutex(MailboxState())
    let result = unsafe uv_async_init(loop.uv, bell.handle) { handle in
      guard let handle = unsafe handle else { return }
      (unsafe owner(of: handle, as: AnyObject.self) as? any RingAnswerer)?.rung()
    }
    guard result == 0 else {
      unsafe discardHandle(bell.handle)
      throw UVError(code: result)
    }
    unsafe attach(bell.handle, to: self)
    state.withLock { $0.bell = bell }
  }

  /// Queues `message`, from any thread.
  ///
  /// - Returns: False if the mailbox is full or closed; the message is then dropped, and the caller knows it.
  public func post(_ message: Message) -> Bool {
    state.withLock { state in
      guard state.bell != nil, state.count < capacity else { return false }
      state.messages.append(message)
      state.ringOnce()
      return true
    }
  }

  /// Ends the mailbox: `post` returns false from now on and the handler is not called again. Messages that wait are
  /// dropped. For the loop's thread, also from inside the handler. May be called twice.
  public func close() {
    _ = closeReturningRest()
  }

  /// As `close`, for those who must not lose a message.
  ///
  /// - Returns: The messages that were accepted and not delivered, oldest first.
  public func closeReturningRest() -> [Message] {
    let (bell, rest) = state.withLock { ($0.bell.take(), $0.takeAll()) }
    unsafe handler = nil
    if let bell { unsafe closeHandle(bell.handle) }
    return rest
  }

  func handleClosed() {}

  func rung() {
    state.withLock { $0.isRung = false }
    for _ in 0..<capacity {
      guard let message = state.withLock({ $0.takeFirst() }) else { return }
      unsafe handler?(message)
    }
    state.withLock { if $0.count > 0 { $0.ringOnce() } }
  }
}

/// What the loop's callback knows of a mailbox, whatever its messages are.
private protocol RingAnswerer: AnyObject {
  func rung()
}

/// SAFETY: other threads only ring it, under the mailbox's lock, so that it cannot be closed and freed meanwhile.
@safe private struct Bell: @unchecked Sendable {
  let handle: UnsafeMutablePointer<uv_async_t>
}

private struct MailboxState<Message: Sendable> {
  /// Messages from `head` on wait; those before it have been delivered and are nil.
  var messages: [Message?] = []
  var head = 0
  /// Nil once the mailbox is closed.
  var bell: Bell?
  /// Whether the loop has been told and has not looked yet.
  var isRung = false

  var count: Int { messages.count - head }

  mutating func ringOnce() {
    guard !isRung, let bell else { return }
    isRung = true
    unsafe uv_async_send(bell.handle)
  }

  mutating func takeFirst() -> Message? {
    guard head < messages.count else { return nil }
    let message = messages[head].take()
    head += 1
    if head == messages.count {
      messages.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 64, head * 2 >= messages.count {
      messages.removeFirst(head)
      head = 0
    }
    return message
  }

  mutating func takeAll() -> [Message] {
    let rest = messages.dropFirst(head).compactMap { $0 }
    messages = []
    head = 0
    return rest
  }
}
