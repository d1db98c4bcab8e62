// HTTPConnection+Claims.swift: what a connection makes the server hold, and how it is ended where that is too much.
//
// A request that has come whole and an answer that is taken hold nothing. Half a head holds its bytes and its headers,
// half a body what has come of it, and a peer that does not read holds its answers and what it sent meanwhile.

import CheckAPI
import EventLoop
import HTTP1
import Telemetry

extension HTTPConnection {
  /// Tells the server what is held from here on, where that has changed.
  ///
  /// - Parameter count: Bytes of input that stay in the stream.
  func claim(keeping count: Int) {
    var bytes = stream.isClosing ? 0 : stream.inputMemory(keeping: count) + stream.pendingOutput
    if let parser { bytes += parser.parser.headerMemory }
    if let pending { bytes += pending.body.capacity }
    guard bytes != claimed else { return }
    let growth = bytes - claimed
    claimed = bytes
    server.changeClaims(by: growth)
  }

  /// Nothing is held any more.
  func unclaim() {
    guard claimed > 0 else { return }
    server.changeClaims(by: -claimed)
    claimed = 0
  }

  /// What it has cost so far: the bytes that it holds, times the milliseconds since it began to.
  ///
  /// A request that comes in two reads is there within milliseconds: whoever lets it drip loses before it, in pieces of
  /// any size. What waits behind an answer that is to come counts as old, since nothing is lost with it.
  func cost(at now: Int64) -> Int {
    let begun: Int64
    switch wait {
    case .head, .body: begun = deadline - Bounds.requestTime
    case .output, .linger: begun = deadline - Bounds.outputTime
    case .request, .answer: begun = now - Bounds.requestTime
    }
    return claimed * max(1, Int((now - begun) / Bounds.millisecond))
  }

  /// Ends a connection that holds too much. A request that is being read is answered with an error, one that is decided
  /// with that, as its last; only a peer that does not take its answers gets none.
  ///
  /// 4xx and no 503: a client who can make a gateway send large heads must not get past a gateway that fails open.
  func shed() {
    server.counters.add(.connectionsShed)
    switch wait {
    case .head, .body:
      let isHead = wait == .head
      pending = nil
      if let box = parser.take() { giveBack(box) }
      let what = isHead ? "head" : "body"
      refuse(
        Refusal(
          isHead ? 431 : 413,
          "too much is held for requests that have not come whole; this \(what) was among the largest and oldest"))
    case .answer where stream.pendingOutput == 0:
      endsBehindAnswer()
    case .request:
      if let held = held.take() { release(held) }
      expect(.linger, within: Bounds.lingerTime)
      send()
    case .answer, .output, .linger:
      stream.close()
      return unclaim()
    }
    stream.discardInput()
    // What still comes is read, to be dropped.
    stream.resumeReading()
    claim(keeping: 0)
  }
}
