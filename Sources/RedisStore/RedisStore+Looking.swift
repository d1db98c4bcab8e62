// RedisStore+Looking.swift: the state of one key, for whoever operates weir. It travels as a check that only looks, so
// that the numbers are those of checks, but always asks: what is remembered of a key may be some seconds old.

import EventLoop
public import Limiting
public import Policies

/// What one key in Redis may still do.
public struct SharedKeyState: Sendable, Equatable {
  /// What a check of the charge's cost would get. One that would pass is not counted in: these are the numbers before
  /// it.
  public var decision: Decision
  /// What Redis's clock said, in nanoseconds since the Unix epoch: the decision's times count from then.
  public var unixNow: Int64
}

extension RedisStore {
  /// Looks at one key. Consumes nothing.
  ///
  /// - Parameters:
  ///   - charge: For Redis (`isForRedis`), its cost above 0; its key offsets are those of `key` itself.
  ///   - names: Of the set that made the charge.
  ///   - reply: Called once within the time-out, on the loop's thread, perhaps from inside this call.
  public func look(
    _ charge: Charge, key: [UInt8], names: KeyNames, reply: @escaping (Result<SharedKeyState, WordFailure>) -> Void
  ) {
    precondition(charge.isForRedis, "what is not counted in Redis is not looked at there")
    let ticket = Ticket()
    ticket.fill([charge], keys: key.span, names: names, arrival: loop.now)
    ticket.onlyLooks = true
    let holds = layout == .hashes
    let name = ticket.names.counter(policy: Int(charge.policy), key: ticket.tag)
    ask(
      Question(command: lookCommand(ticket), script: layout.chargeScript, key: name) { answer in
        reply(
          answer.flatMap { reply in
            var decoder = ChargeReply()
            let isSound = reply.withBytes { bytes in
              do throws(ChargeReply.Malformed) { try decoder.decode(bytes, into: [ticket], holds: holds) } catch {
                return false
              }
              return true
            }
            guard isSound else {
              return .failure(
                WordFailure(
                  .protocolError, "the script's reply is malformed; are these keys another program's?",
                  mayBeDone: false))
            }
            return .success(SharedKeyState(decision: ticket.charges[0].decision, unixNow: ticket.unixNow))
          })
      })
  }

  private func lookCommand(_ ticket: Ticket) -> [UInt8] {
    var command: [UInt8] = []
    switch layout {
    case .strings:
      var call = ChargeCall()
      call.append(ticket)
      call.write(to: &command)
    case .hashes:
      var call = HoldCall()
      call.append(ticket)
      call.write(to: &command)
    }
    return command
  }
}
