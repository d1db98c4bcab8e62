// RedisStore+Orders.swift: one worker of a process reads for all what was ordered in Redis; any may write there.
//
// Reading is one command every 400 ms, and further ones only where something has changed. A round that fails is given
// up; the next one goes on where it stood. What was read is handed over page by page.

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
    guard takeOrders != nil, !isReadingOrders, isReady, let command = orders.begin(now: loop.now) else { return }
    isReadingOrders = true
    ask(orderQuestion(command, nil))
  }

  private func orderQuestion(_ command: [UInt8], _ script: Script?) -> Question {
    Question(command: command, script: script) { [unowned self] answer in
      guard case .success(let reply) = answer else {
        isReadingOrders = false
        return orders.giveUp()
      }
      heardOrders(reply)
    }
  }

  private func heardOrders(_ reply: Reply) {
    let pages: [OrderPage]
    do throws(OrderReader.Malformed) {
      pages = try orders.heard(reply, now: loop.now)
    } catch {
      isReadingOrders = false
      orders.giveUp()
      return link.fail(.protocolError, detail: "the reply about orders is malformed; are these keys another program's?")
    }
    for page in pages {
      observed.forget(page.reset, at: loop.now)
      guard takeOrders?(page) == true else {
        isReadingOrders = false
        orders.giveUp()
        return orders.doubt(domain: page.domain)
      }
    }
    guard let command = orders.next() else {
      isReadingOrders = false
      return
    }
    ask(orderQuestion(command, .changes))
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
    let member = OrderKeys.member(OrderKeys.orderMark, identity, KeyDigest(key.span))
    var arguments = [Array((order == nil ? "end" : "set").utf8), member, Array("\(OrderBounds.orders)".utf8)]
    if let order {
      arguments += ["\(order.order.until / 1000)", "\(unixNow / 1000)"].map { Array($0.utf8) }
      arguments.append(OrderRecord.bytes(order))
    }
    call(identity.domain, [], arguments) { [unowned self] answer in
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
  /// - Parameter reply: As for `write`; whether there was a counter. `.full` where too many keys were reset within a
  ///   minute, and nothing changed.
  public func reset(
    _ identity: CounterIdentity, key: [UInt8], reply: @escaping (Result<KeyForgotten, WordFailure>) -> Void
  ) {
    let digest = KeyDigest(key.span)
    let member = OrderKeys.member(OrderKeys.resetMark, identity, digest)
    let arguments = [Array("reset".utf8), member, Array("\(OrderBounds.orders)".utf8)]
    call(identity.domain, [KeyNames.counter(identity, digest)], arguments) { [unowned self] answer in
      // Also where it may have been done: what is forgotten in vain is asked for once more.
      observed.forget(ResetKeys(digests: [digest]), at: loop.now)
      reply(
        answer.flatMap { number in
          switch number {
          case 1: .success(.forgotten)
          case 0: .success(.nothing)
          case -1: .success(.full)
          default: .failure(Self.strange)
          }
        })
      readOrders()
    }
  }

  private static let strange = WordFailure(.protocolError, "Redis answered what orders.lua never says", mayBeDone: true)

  /// Calls orders.lua.
  private func call(
    _ domain: String, _ more: [[UInt8]], _ arguments: [[UInt8]],
    _ answer: @escaping (Result<Int64, WordFailure>) -> Void
  ) {
    let keys = OrderKeys(domain: domain)
    let names = [keys.version, keys.orders, keys.changes, keys.ends] + more
    let command = RedisCommand.bytes(
      [Array("EVALSHA".utf8), Script.orders.digest, Array("\(names.count)".utf8)] + names + arguments)
    ask(
      Question(command: command, script: .orders) { result in
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
