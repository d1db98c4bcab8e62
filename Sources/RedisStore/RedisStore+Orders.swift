// RedisStore+Orders.swift: one worker of a process reads for all what was ordered in Redis; any may write there.
//
// Reading is one short command a domain every 400 ms, all in one write, and further ones only where something has
// changed. What fails is left out; the next round goes on where it stood. What was read is handed over page by page.
//
// Every command's keys lie in one slot of a cluster. So a reset, whose counter lies in another slot than what tells of
// it, is three commands: it is told, which is refused where there is no room; the counter is deleted; it is told once
// more. Whoever hears the second word and asks again asks a counter that is gone, and what he was told before he heard
// it is forgotten; the first word alone could be heard, and a denial be remembered anew, before the counter goes.

import EventLoop
import Limiting
public import Policies

/// What became of a word about an order.
public enum OrderWritten: Sendable, Equatable {
  /// It is kept, or ended: all weirs that reach Redis obey within a second.
  case done
  /// There was no order to end.
  case nothing
  /// As many orders as may be are in force in the domain; nothing changed.
  case full
  /// By Redis's clock it would have ended already; nothing changed.
  case over
}

extension RedisStore {
  // MARK: Reading

  /// Begins a round, unless one is under way. For the worker that reads.
  func readOrders() {
    guard takeOrders != nil, isReady else { return }
    ask(orders.begin(now: loop.now).map(orderQuestion))
  }

  private func orderQuestion(_ inquiry: OrderReader.Inquiry) -> Question {
    Question(command: inquiry.command, script: inquiry.script) { [unowned self] answer in
      switch answer {
      case .success(let reply): heardOrders(reply, inquiry)
      case .failure: orders.failed(inquiry)
      }
      if isReady, let next = orders.next() { ask(orderQuestion(next)) }
    }
  }

  private func heardOrders(_ reply: Reply, _ inquiry: OrderReader.Inquiry) {
    let page: OrderPage?
    do throws(OrderReader.Malformed) {
      page = try orders.heard(reply, to: inquiry, now: loop.now)
    } catch {
      orders.failed(inquiry)
      return link.fail(.protocolError, detail: "the reply about orders is malformed; are these keys another program's?")
    }
    guard let page else { return }
    observed.forget(page.reset, at: loop.now)
    if takeOrders?(page) != true { orders.notTaken(inquiry) }
  }

  // MARK: Writing

  /// Keeps an order for one key of a policy in Redis, in place of what was ordered for it before, or ends that. It
  /// obeys at once, others as soon as they read it.
  ///
  /// - Parameters:
  ///   - order: nil ends what is in force.
  ///   - unixNow: The clock that the order's end was taken from, in nanoseconds since the Unix epoch.
  ///   - reply: Called once within the time-out, on the loop's thread, perhaps from inside this call. A failure says
  ///     whether the word may have been heard.
  public func write(
    _ order: BookedOrder?, for identity: CounterIdentity, key: [UInt8], unixNow: Int64,
    reply: @escaping (Result<OrderWritten, WordFailure>) -> Void
  ) {
    let member = OrderKeys.member(OrderKeys.orderMark, identity, KeyNames.digest(identity, key: key.span))
    var arguments = [Array((order == nil ? "end" : "set").utf8), member, Array("\(OrderBounds.orders)".utf8)]
    if let order {
      arguments += ["\(order.order.until / 1000)", "\(unixNow / 1000)"].map { Array($0.utf8) }
      arguments.append(OrderRecord.bytes(order))
    }
    call(identity.domain, arguments) { [unowned self] answer in
      reply(
        answer.flatMap { number in
          switch number {
          case 1: .success(.done)
          case 0: .success(.nothing)
          case -1: .success(.full)
          case -2: .success(.over)
          default: .failure(Self.strange)
          }
        })
      readOrders()
    }
  }

  /// Takes one key's counter away, and lets all weirs forget the denials that they remember of it.
  ///
  /// Each reset lets the key pass at most its capacity once more, whoever asks meanwhile.
  ///
  /// - Parameter reply: As for `write`, within three time-outs; whether there was a counter. `.full` where too many keys
  ///   were reset within a minute, and nothing changed.
  public func reset(
    _ identity: CounterIdentity, key: [UInt8], reply: @escaping (Result<KeyForgotten, WordFailure>) -> Void
  ) {
    let digest = KeyNames.digest(identity, key: key.span)
    tellOfReset(identity, digest) { [unowned self] answer in
      switch answer {
      case .success(true): delete(KeyNames.counter(identity, digest)) { self.deleted($0, identity, digest, reply) }
      case .success(false): reply(.success(.full))
      // Others forget in vain, and ask once more.
      case .failure(var failure):
        failure.mayBeDone = false
        reply(.failure(failure))
      }
    }
  }

  private func deleted(
    _ answer: Result<Int64, WordFailure>, _ identity: CounterIdentity, _ digest: KeyDigest,
    _ reply: @escaping (Result<KeyForgotten, WordFailure>) -> Void
  ) {
    // Also where it may have been done: what is forgotten in vain is asked for once more.
    observed.forget(ResetKeys(digests: [digest]), at: loop.now)
    guard case .success(let count) = answer else { return reply(answer.map { _ in .nothing }) }
    tellOfReset(identity, digest) { [unowned self] told in
      switch told {
      case .success(true): reply(.success(count > 0 ? .forgotten : .nothing))
      // What was told before has been lost, and there is no room for it again.
      case .success(false): reply(.failure(Self.untold))
      case .failure(var failure):
        failure.mayBeDone = true
        reply(.failure(failure))
      }
      readOrders()
    }
  }

  /// Whether it was told; false where there is no room.
  private func tellOfReset(
    _ identity: CounterIdentity, _ digest: KeyDigest, _ told: @escaping (Result<Bool, WordFailure>) -> Void
  ) {
    let member = OrderKeys.member(OrderKeys.resetMark, identity, digest)
    call(identity.domain, [Array("reset".utf8), member, Array("\(OrderBounds.orders)".utf8)]) { answer in
      told(
        answer.flatMap { number in
          switch number {
          case 1: .success(true)
          case -1: .success(false)
          default: .failure(Self.strange)
          }
        })
    }
  }

  /// Deletes one key; how many there were.
  private func delete(_ name: [UInt8], _ answer: @escaping (Result<Int64, WordFailure>) -> Void) {
    askForNumber(RedisCommand.bytes([Array("DEL".utf8), name]), nil, answer)
  }

  private static let untold = WordFailure(.other, "too many keys were reset within a minute", mayBeDone: true)
  private static let strange = WordFailure(
    .protocolError, "Redis answered what such a command never says", mayBeDone: true)

  /// Calls orders.lua.
  private func call(
    _ domain: String, _ arguments: [[UInt8]], _ answer: @escaping (Result<Int64, WordFailure>) -> Void
  ) {
    let keys = OrderKeys(domain: domain)
    let names = [keys.version, keys.orders, keys.changes, keys.ends]
    let command = RedisCommand.bytes(
      [Array("EVALSHA".utf8), Script.orders.digest, Array("\(names.count)".utf8)] + names + arguments)
    askForNumber(command, .orders, answer)
  }

  private func askForNumber(
    _ command: [UInt8], _ script: Script?, _ answer: @escaping (Result<Int64, WordFailure>) -> Void
  ) {
    ask(
      Question(command: command, script: script) { result in
        answer(
          result.flatMap { reply in
            guard case .integer(let number) = reply.kind else { return .failure(Self.strange) }
            return .success(number)
          })
      })
  }

  /// Drops what is remembered of keys that were reset; for each worker of the process.
  public func forget(_ keys: ResetKeys) { observed.forget(keys, at: loop.now) }
}

/// What became of a reset in Redis.
public enum KeyForgotten: Sendable, Equatable {
  case forgotten
  /// There was no counter.
  case nothing
  /// Too many keys were reset within a minute; nothing changed.
  case full
}
