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

  /// Ends a connection that holds too much: with an answer where a request is being read, else without one, since its
  /// peer does not take those it has.
  ///
  /// 4xx and no 503: a client who can make a gateway send large heads must not get past a gateway that fails open.
  func shed() {
    server.counters.add(.connectionsShed)
    let isHead = wait == .head
    guard isHead || wait == .body else {
      stream.close()
      return unclaim()
    }
    pending = nil
    if let box = parser.take() { giveBack(box) }
    let what = isHead ? "head" : "body"
    refuse(
      Refusal(isHead ? 431 : 413, "too much is held for requests that have not come whole; this \(what) held most"))
    stream.discardInput()
    claim(keeping: 0)
  }
}
