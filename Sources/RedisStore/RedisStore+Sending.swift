// RedisStore+Sending.swift: from gathered tickets to script calls, once a turn.

public import EventLoop
import Limiting

extension RedisStore: TurnEndHandler {
  public func turnEnded() {
    guard let oldest = gathered.first, link.isReady else { return }
    if calls.waiting >= Bounds.callsInFlight, gatheredCharges < Bounds.chargesPerCall,
      loop.now - oldest.arrival < Bounds.gatheringTime(timeout)
    {
      return
    }
    out.removeAll(keepingCapacity: true)
    var index = 0
    while index < gathered.count { index = encodeCall(from: index) }
    gathered.removeAll(keepingCapacity: true)
    gatheredCharges = 0
    send()
  }

  /// Encodes one call of the tickets from `index` on: as many as its bound allows, at least one. Returns where the next
  /// one begins.
  private func encodeCall(from index: Int) -> Int {
    let call = calls.append(.charges, sentAt: loop.now, deadline: gathered[index].arrival + timeout)
    var index = index
    repeat {
      encoder.append(gathered[index])
      call.tickets.append(gathered[index])
      index += 1
    } while index < gathered.count && encoder.charges < Bounds.chargesPerCall
    encoder.write(to: &out)
    return index
  }

  /// Sends a call once more, behind the script that it found missing: it has counted nothing.
  func sendAgain(_ call: Call) {
    out.removeAll(keepingCapacity: true)
    let script = call.question?.script ?? (call.kind == .announcement ? .announce : .charge)
    out.append(contentsOf: RedisCommand.bytes([Array("SCRIPT".utf8), Array("LOAD".utf8), script.text]))
    _ = calls.append(.load, sentAt: loop.now, deadline: call.deadline)
    let again = calls.append(call.kind, sentAt: loop.now, deadline: call.deadline)
    again.isRepeated = true
    if let question = call.question.take() {
      again.question = question
      out.append(contentsOf: question.command)
      return send()
    }
    guard call.kind == .charges else {
      again.names = names
      out.append(contentsOf: announcement(isLast: false))
      return send()
    }
    for ticket in call.tickets where ticket.holder != nil {
      encoder.append(ticket)
      again.tickets.append(ticket)
    }
    encoder.write(to: &out)
    send()
  }

  func send() {
    // Taken out meanwhile, so that its bytes cannot change under the link.
    var bytes: [UInt8] = []
    swap(&bytes, &out)
    let isTaken = link.write(bytes.span)
    swap(&bytes, &out)
    if !isTaken {
      link.fail(.disconnected, detail: "Redis does not take what is sent to it")
    }
    setTimer()
  }
}
