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

/// What became of a word about a domain's orders, and who knows of it: whoever has read pages of that domain up to this
/// number.
public struct OrderReceipt<Outcome: Sendable & Equatable>: Sendable, Equatable {
  public var outcome: Outcome
  public var number: Int64

  public init(_ outcome: Outcome, number: Int64) {
    self.outcome = outcome
    self.number = number
  }
}

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
    Question(command: inquiry.command, script: inquiry.script, key: inquiry.key) { [unowned self] answer in
      switch answer {
      case .success(let reply): heardOrders(reply, inquiry)
      case .failure(let failure):
        orders.failed(inquiry)
        forbidden.noteReading(failure.failure)
      }
      if isReady, let next = orders.next() { return ask(orderQuestion(next)) }
      guard !orders.isUnderWay else { return }
      forbidden.endRound()
    }
  }

  private func heardOrders(_ reply: Reply, _ inquiry: OrderReader.Inquiry) {
    let page: OrderPage?
    do throws(OrderReader.Malformed) {
      page = try orders.heard(reply, to: inquiry, now: loop.now)
    } catch {
      orders.failed(inquiry)
      return distrust("the reply about orders is malformed; are these keys another program's?")
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
    reply: @escaping (Result<OrderReceipt<OrderWritten>, WordFailure>) -> Void
  ) {
    let member = OrderKeys.member(OrderKeys.orderMark, identity, KeyNames.digest(identity, key: key.span))
    var arguments = [Array((order == nil ? "end" : "set").utf8), member, Array("\(OrderBounds.orders)".utf8)]
    if let order {
      arguments += ["\(order.order.until / 1000)", "\(unixNow / 1000)"].map { Array($0.utf8) }
      arguments.append(OrderRecord.bytes(order))
    }
    call(identity.domain, arguments) { [unowned self] answer in
      reply(
        answer.flatMap { said in
          switch said.outcome {
          case 1: .success(OrderReceipt(.done, number: said.number))
          case 0: .success(OrderReceipt(.nothing, number: said.number))
          case -1: .success(OrderReceipt(.full, number: said.number))
          case -2: .success(OrderReceipt(.over, number: said.number))
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
    _ identity: CounterIdentity, key: [UInt8],
    reply: @escaping (Result<OrderReceipt<KeyForgotten>, WordFailure>) -> Void
  ) {
    tellOfReset(identity, key) { [unowned self] answer in
      switch answer {
      case .success(let said) where said.outcome == 1:
        delete(identity, key) { self.deleted($0, identity, key, reply) }
      case .success(let said): reply(.success(OrderReceipt(.full, number: said.number)))
      // Others forget in vain, and ask once more.
      case .failure(var failure):
        failure.mayBeDone = false
        reply(.failure(failure))
      }
    }
  }

  private func deleted(
    _ answer: Result<Int64, WordFailure>, _ identity: CounterIdentity, _ key: [UInt8],
    _ reply: @escaping (Result<OrderReceipt<KeyForgotten>, WordFailure>) -> Void
  ) {
    // Also where it may have been done: what is forgotten in vain is asked for once more.
    observed.forget(ResetKeys(digests: [KeyNames.digest(identity, key: key.span)]), at: loop.now)
    let count: Int64
    switch answer {
    case .success(let number): count = number
    case .failure(let failure): return reply(.failure(failure))
    }
    tellOfReset(identity, key) { [unowned self] told in
      switch told {
      case .success(let said) where said.outcome == 1:
        reply(.success(OrderReceipt(count > 0 ? .forgotten : .nothing, number: said.number)))
      // What was told before has been lost, and there is no room for it again.
      case .success: reply(.failure(Self.untold))
      case .failure(var failure):
        failure.mayBeDone = true
        reply(.failure(failure))
      }
      readOrders()
    }
  }

  /// 1 where it was told; -1 where there is no room.
  private func tellOfReset(
    _ identity: CounterIdentity, _ key: [UInt8], _ told: @escaping (Result<OrderReceipt<Int64>, WordFailure>) -> Void
  ) {
    let member = OrderKeys.reset(identity, key: key)
    call(identity.domain, [Array("reset".utf8), member, Array("\(OrderBounds.orders)".utf8)]) { answer in
      told(answer.flatMap { [1, -1].contains($0.outcome) ? .success($0) : .failure(Self.strange) })
    }
  }

  /// Deletes one counter; how many there were.
  private func delete(
    _ identity: CounterIdentity, _ key: [UInt8], _ answer: @escaping (Result<Int64, WordFailure>) -> Void
  ) {
    let removal = layout.removal(identity, KeyNames.digest(identity, key: key.span))
    ask(
      Question(command: removal.command, script: nil, key: removal.key) { [unowned self] result in
        forbidden.noteWriting(result)
        answer(
          result.flatMap { reply in
            guard case .integer(let number) = reply.kind else { return .failure(Self.strange) }
            return .success(number)
          })
      })
  }

  private static let untold = WordFailure(.other, "too many keys were reset within a minute", mayBeDone: true)
  private static let strange = WordFailure(
    .protocolError, "Redis answered what such a command never says", mayBeDone: true)

  /// Calls orders.lua.
  private func call(
    _ domain: String, _ arguments: [[UInt8]], _ answer: @escaping (Result<OrderReceipt<Int64>, WordFailure>) -> Void
  ) {
    let keys = OrderKeys(domain: domain)
    let names = [keys.version, keys.orders, keys.changes, keys.ends]
    let command = RedisCommand.bytes(
      [Array("EVALSHA".utf8), Script.orders.digest, Array("\(names.count)".utf8)] + names + arguments)
    ask(
      Question(command: command, script: .orders, key: keys.version) { [unowned self] result in
        forbidden.noteWriting(result)
        answer(
          result.flatMap { reply in
            let numbers = reply.integers
            guard reply.kind == .array(count: 2), numbers.count == 2 else { return .failure(Self.strange) }
            return .success(OrderReceipt(numbers[0], number: numbers[1]))
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
