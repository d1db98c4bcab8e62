// HTTPConnection+Later.swift: an answer that comes after its request was read.

import CheckAPI
import EventLoop
import HTTP1

extension HTTPConnection: Asker {
  func complete(_ write: (Afterwards, inout ResponseBuffer) -> Int) {
    guard !stream.isClosing else { return }
    precondition(wait == .answer, "a request is completed once")
    precondition(server.out.isEmpty, "a request is completed between events, not while another is answered")
    let after = afterwards(keepsAlive: askedKeepsAlive, askedMinorVersion)
    finish(write(after, &server.out), after)
    let canHold = wait == .request && stream.keptInput > 0 && stream.pendingOutput == 0
    if canHold, !server.givesOnePageATurn { hold() } else { send() }
    claim(keeping: stream.keptInput)
    goOn()
  }

  /// Keeps what was written until the requests behind it, which are offered at the end of this turn, were looked at.
  private func hold() {
    let held = server.spareHeld.popLast() ?? HeldAnswer()
    server.out.withBytes { held.bytes.append($0) }
    server.out.removeAll()
    self.held = held
  }

  /// Puts a kept answer before those that are written now.
  func release(_ held: HeldAnswer) {
    held.bytes.withBytes { server.out.append($0) }
    held.bytes.removeAll()
    if server.spareHeld.count < Bounds.spares { server.spareHeld.append(held) }
  }

  /// Looks at what came meanwhile: requests, or bytes to be dropped behind a last answer, or the end of the peer's
  /// sending. Where the peer has to take its answers first, `drained` does.
  private func goOn() {
    if stream.keptInput > 0 {
      if wait == .request, server.givesOnePageATurn {
        server.waitForTurn(self)
      } else if wait != .output {
        stream.offerAgain()
      }
    } else if stream.hasEnded {
      settleEnd(left: 0)
    }
  }

  /// The turn is over that had its page: what was left is offered in the next one, unless the peer has to take its
  /// answers first.
  func turnCame() {
    if wait != .output { stream.resumeReading() }
  }
}
