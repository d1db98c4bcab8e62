// NodeStore+Sending.swift: from gathered tickets to script calls, once a turn.

import EventLoop
import Limiting

extension NodeStore: TurnEndHandler {
  func turnEnded() {
    guard !gathered.isEmpty, link.isReady else { return }
    switch setup.layout {
    case .strings:
      if calls.waiting >= Bounds.callsInFlight, gatheredCharges < Bounds.chargesPerCall,
        loop.now - oldestArrival < Bounds.gatheringTime(timeout)
      {
        return
      }
      encodeAll()
    // A call serves one key only: waiting would gather little.
    case .hashes: encodeByTag()
    }
    gathered.removeAll(keepingCapacity: true)
    gatheredCharges = 0
    oldestArrival = .max
    send()
  }

  // MARK: One Redis

  private func encodeAll() {
    out.removeAll(keepingCapacity: true)
    var index = 0
    while index < gathered.count { index = encodeCall(from: index) }
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

  // MARK: A node of a cluster

  private func encodeByTag() {
    out.removeAll(keepingCapacity: true)
    tags.fill(gathered)
    for chain in tags.chains { encodeChain(from: chain) }
  }

  /// Encodes the tickets of one key, in their order, in as many calls as their number needs.
  private func encodeChain(from first: Int) {
    var next: Int? = first
    while let index = next {
      let ticket = gathered[index]
      if ticket.isAsking {
        out.append(contentsOf: Self.asking)
        _ = calls.append(.asking, sentAt: loop.now, deadline: ticket.arrival + timeout)
      }
      let call = calls.append(ticket.work.callKind, sentAt: loop.now, deadline: ticket.arrival + timeout)
      call.isAsking = ticket.isAsking
      next = fill(call, from: index)
    }
  }

  /// Encodes one call of a chain's tickets from `index` on. Returns where the next one begins.
  private func fill(_ call: Call, from index: Int) -> Int? {
    var next: Int? = index
    var charges = 0
    while let index = next, charges < Bounds.chargesPerCall {
      let ticket = gathered[index]
      append(ticket, to: call)
      call.deadline = min(call.deadline, ticket.arrival + timeout)
      charges += ticket.redisCharges
      next = tags.next(index)
    }
    write(call)
    return next
  }

  static let asking = RedisCommand.bytes([Array("ASKING".utf8)])

  // MARK: Both

  private func append(_ ticket: Ticket, to call: Call) {
    call.tickets.append(ticket)
    switch (setup.layout, call.kind) {
    case (.strings, _): encoder.append(ticket)
    case (.hashes, .settlement): settler.append(ticket)
    case (.hashes, _): holder.append(ticket)
    }
  }

  private func write(_ call: Call) {
    switch (setup.layout, call.kind) {
    case (.strings, _): encoder.write(to: &out)
    case (.hashes, .settlement): settler.write(isAsking: call.isAsking, to: &out)
    case (.hashes, _): holder.write(isAsking: call.isAsking, to: &out)
    }
  }

  /// Sends a call once more, behind the script that it found missing: it has done nothing.
  func sendAgain(_ call: Call) {
    out.removeAll(keepingCapacity: true)
    out.append(contentsOf: RedisCommand.bytes([Array("SCRIPT".utf8), Array("LOAD".utf8), script(of: call).text]))
    _ = calls.append(.load, sentAt: loop.now, deadline: call.deadline)
    if call.isAsking {
      out.append(contentsOf: Self.asking)
      _ = calls.append(.asking, sentAt: loop.now, deadline: call.deadline)
    }
    let again = calls.append(call.kind, sentAt: loop.now, deadline: call.deadline)
    again.isRepeated = true
    again.isAsking = call.isAsking
    if let question = call.question.take() {
      again.question = question
      out.append(contentsOf: question.command)
      return send()
    }
    for ticket in call.tickets where ticket.holder != nil { append(ticket, to: again) }
    write(again)
    send()
  }

  private func script(of call: Call) -> Script {
    switch call.kind {
    case .question: call.question?.script ?? .charge
    case .settlement: .settle
    case .charges, .load, .asking: setup.layout.chargeScript
    }
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

extension Ticket.Work {
  fileprivate var callKind: Call.Kind {
    switch self {
    case .charge, .hold: .charges
    case .confirm, .cancel, .takeBack: .settlement
    }
  }
}
