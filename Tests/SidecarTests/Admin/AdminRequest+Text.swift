// AdminRequest+Text.swift: requests of operators as they come over the wire, read by the real parser.

import EventLoop
import HTTP1

@testable import Sidecar

extension AdminRequest {
  /// - Parameters:
  ///   - headers: All of them: no Host is added.
  ///   - peer: By default this machine.
  convenience init(
    _ method: String = "GET", _ target: String = "/", _ headers: [(String, String)] = [],
    from peer: PeerAddress = .v4(0x7f00_0001)
  ) {
    self.init(method, Array(target.utf8), headers, from: peer)
  }

  convenience init(
    _ method: String, _ target: [UInt8], _ headers: [(String, String)] = [], from peer: PeerAddress = .v4(0x7f00_0001)
  ) {
    let lines = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
    let bytes = Array("\(method) ".utf8) + target + Array(" HTTP/1.1\r\n\(lines)\r\n".utf8)
    var parser = RequestParser()
    let progress = parser.parse(bytes.span)
    precondition(progress == .head, "no request: \(progress)")
    self.init(parser.head, bytes.span, from: peer)
  }
}
