// PaceBenchmark.swift: how long answers take at a rate that the clients choose, and the server does not slow down.
//
// Requests are due at random instants (a Poisson process of the given rate, the same one each time) and time counts
// from the instant at which a request was due, not from when it was sent: a server that stalls is charged for every
// request that would have come meanwhile. Each waits for a free connection if all are busy; none is pipelined. The
// loop spins, on a core of its own, so that it is not late itself; how late it was is part of what it prints.

import CEpoll
import Glibc

struct PaceBenchmark {
  /// `127.0.0.1:PORT`
  var address: String
  var path: String
  /// Requests a second.
  var rate: Int

  private static let connections = 64
  /// Requests name so many clients in turn.
  private static let clients = 1000
  /// How long answers are waited for after the last request was due.
  private static let patience: Int64 = 5_000_000_000

  /// What came of one run.
  private struct Outcome {
    /// Nanoseconds from due to answered, one a request.
    var times: [Int64] = []
    /// Nanoseconds from due, or from a connection being free if that was later, to sent.
    var delays: [Int64] = []
    var inTime = 0
  }

  /// Prints answers a second until the last request was due, and nanoseconds: median, 99 %, 99.9 % and the slowest from
  /// due to answered, and 99 % of the generator's own delay.
  func run(milliseconds: Int) {
    let length = Int64(milliseconds) * 1_000_000
    let due = schedule(length)
    var outcome = Outcome()
    ask(due, until: length, &outcome)
    let sorted = outcome.times.sorted()
    let delays = outcome.delays.sorted()
    guard !sorted.isEmpty, !delays.isEmpty else { stop("no request was due: rate or time is too small") }
    func part(_ values: [Int64], _ thousandths: Int) -> Int64 { values[(values.count - 1) * thousandths / 1000] }
    print(
      outcome.inTime * 1000 / milliseconds, part(sorted, 500), part(sorted, 990), part(sorted, 999),
      sorted[sorted.count - 1], part(delays, 990))
  }

  /// When requests are due, in nanoseconds from the start.
  private func schedule(_ length: Int64) -> [Int64] {
    var state: UInt64 = 7
    var due: [Int64] = []
    var time = 0.0
    while true {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let part = (Double(state >> 11) + 1) / Double(1 << 53)
      time -= log(part) * 1e9 / Double(rate)
      guard time < Double(length) else { return due }
      due.append(Int64(time))
    }
  }

  private func ask(_ due: [Int64], until length: Int64, _ outcome: inout Outcome) {
    let requests = (0..<Self.clients).map { number in
      Array("GET \(path) HTTP/1.1\r\nHost: b\r\nX-Client: client-\(number)\r\nUser-Agent: Mozilla/5.0\r\n\r\n".utf8)
    }
    var lines = Lines(address: address, count: Self.connections)
    outcome.times.reserveCapacity(due.count)
    outcome.delays.reserveCapacity(due.count)
    let start = monotonicNanoseconds() + 1_000_000
    var next = 0
    var freeSince = start
    while next < due.count || lines.isWaiting {
      let now = monotonicNanoseconds()
      if now > start + length + Self.patience { break }
      while next < due.count, start + due[next] <= now {
        guard lines.send(requests[next % Self.clients], dueAt: start + due[next]) else { break }
        outcome.delays.append(monotonicNanoseconds() - max(start + due[next], freeSince))
        next += 1
      }
      let wasBusy = lines.isBusy
      lines.receive { dueAt, answered in
        outcome.times.append(answered - dueAt)
        if answered <= start + length { outcome.inTime += 1 }
      }
      if wasBusy { freeSince = monotonicNanoseconds() }
    }
    // What was not answered took at least until here.
    let end = monotonicNanoseconds()
    for dueAt in lines.open { outcome.times.append(end - dueAt) }
    for index in next..<due.count { outcome.times.append(end - start - due[index]) }
  }
}

/// Connections, each with at most one request on its way.
// SAFETY: what is unsafe is the system's union for an event, of which only the number that was put in is read.
@safe private struct Lines {
  private var descriptors: [Int32]
  /// When the request that is on its way was due; 0: none is.
  private var dueAt: [Int64]
  private var free: [Int]
  private var heads: [[UInt8]]
  private let epoll = epoll_create1(0)
  private var events: [epoll_event]
  private var chunk = [UInt8](repeating: 0, count: 65_536)

  init(address: String, count: Int) {
    descriptors = (0..<count).map { _ in quickConnection(to: address) }
    dueAt = Array(repeating: 0, count: count)
    free = Array(0..<count)
    heads = Array(repeating: [], count: count)
    unsafe events = unsafe Array(repeating: epoll_event(), count: count)
    for index in 0..<count {
      var event = unsafe epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(index)))
      guard unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptors[index], &event) == 0 else { stop("epoll_ctl failed") }
    }
  }

  var isBusy: Bool { free.isEmpty }
  var isWaiting: Bool { free.count < descriptors.count }
  var open: [Int64] { dueAt.filter { $0 != 0 } }

  /// False where no connection is free.
  mutating func send(_ request: [UInt8], dueAt due: Int64) -> Bool {
    guard let index = free.popLast() else { return false }
    dueAt[index] = due
    sendAll(request, to: descriptors[index])
    return true
  }

  /// Takes what has come, without waiting; `answer` gets when each request was due, and when its answer was complete.
  mutating func receive(_ answer: (Int64, Int64) -> Void) {
    let count = unsafe epoll_wait(epoll, &events, Int32(events.count), 0)
    for number in 0..<max(0, Int(count)) {
      let index = unsafe Int(events[number].data.u64)
      let size = bench.receive(&chunk, from: descriptors[index])
      guard size > 0 else { stop("the server closed while it was asked") }
      heads[index] += chunk[..<size]
      guard isComplete(heads[index]) else { continue }
      heads[index].removeAll(keepingCapacity: true)
      answer(dueAt[index], monotonicNanoseconds())
      dueAt[index] = 0
      free.append(index)
    }
  }

  private static let status = Array("HTTP/1.1 200".utf8)
  private static let length = Array("content-length:".utf8)

  /// Whether these bytes are a whole answer 200, with the body that its Content-Length says.
  private func isComplete(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= Self.status.count else { return false }
    guard bytes.starts(with: Self.status) else { stop("not an answer 200: \(String(decoding: bytes, as: UTF8.self))") }
    var lineStart = 0
    var body: Int?
    for index in bytes.indices where bytes[index] == 10 {
      if index - lineStart <= 1 {
        guard let body else { stop("an answer without Content-Length") }
        return bytes.count >= index + 1 + body
      }
      body = body ?? Self.bodyLength(bytes[lineStart..<index])
      lineStart = index + 1
    }
    return false
  }

  /// The number in a Content-Length line; nil for another line.
  private static func bodyLength(_ line: ArraySlice<UInt8>) -> Int? {
    guard line.count > length.count else { return nil }
    for (byte, wanted) in zip(line, length) where byte | 0x20 != wanted | 0x20 { return nil }
    return line.dropFirst(length.count).filter { (48...57).contains($0) }.reduce(0) { $0 * 10 + Int($1 - 48) }
  }
}
