// Link+Stream.swift: what comes from the socket and goes to it, through TLS where there is some, and how a connection
// ends.

import EventLoop

extension Link {
  // MARK: bytes in

  func received(_ stream: Stream, bytes: Span<UInt8>) -> Int {
    guard stream === self.stream, phase != .closing else { return bytes.count }
    guard let channel else {
      take(bytes)
      return bytes.count
    }
    channel.received(bytes)
    if phase == .securing { secure() }
    if phase == .greeting || phase == .ready { takePlaintext(channel) }
    return bytes.count
  }

  private func takePlaintext(_ channel: TLSChannel) {
    while phase == .greeting || phase == .ready {
      switch channel.read(into: &scratch) {
      case .bytes(let count):
        // The buffer also serves what we write, so it is out of the way while replies are dealt with.
        var plaintext: [UInt8] = []
        swap(&plaintext, &scratch)
        take(plaintext.span.extracting(first: count))
        swap(&plaintext, &scratch)
      case .wait: return flush()
      case .ended: return broken(.disconnected, closedText)
      case .failed(let failure): return broken(.tls, failure.detail)
      }
    }
  }

  /// Plain text of Redis.
  private func take(_ bytes: Span<UInt8>) {
    reader.feed(bytes)
    while phase == .greeting || phase == .ready {
      switch reader.next() {
      case .incomplete: return
      case .malformed(let text): return broken(.protocolError, describe(garbage: text))
      case .reply:
        let reader = reader
        if phase == .greeting {
          reader.withReply { greeted($0) }
        } else {
          reader.withReply { handler?.received(self, $0) }
        }
      }
    }
  }

  private func describe(garbage text: String) -> String {
    if text.hasSuffix("\"\\x15\" as reply type byte") {  // the first byte of a TLS alert
      return "what answers there speaks TLS; use rediss://"
    }
    return "what answers there is no reply of Redis (\(text)); \(RedisFailure.protocolError.advice)"
  }

  // MARK: bytes out

  /// Sends plain text.
  func send(_ bytes: Span<UInt8>) -> Bool {
    guard let stream else { return false }
    guard let channel else { return stream.write(bytes) }
    do { try channel.write(bytes) } catch {
      broken(.tls, error.detail)
      return false
    }
    flush()
    return phase != .closing
  }

  /// Gives the socket what TLS has for it.
  func flush() {
    guard let channel, let stream else { return }
    if scratch.isEmpty { scratch = [UInt8](repeating: 0, count: 1 << 15) }
    while case let count = channel.takeOutput(into: &scratch), count > 0 {
      let bytes = scratch
      guard stream.write(bytes.span.extracting(first: count)) else {
        if stream.isClosing { return }  // `closed` tells why
        return broken(.timeout, "Redis takes no more bytes; \(RedisFailure.timeout.advice)")
      }
    }
  }

  func sayGoodbye() {
    channel?.sayGoodbye()
    flush()
  }

  // MARK: ends

  func ended(_ stream: Stream) {
    guard stream === self.stream else { return }
    switch phase {
    case .securing, .greeting: interrupted(closedText)
    case .ready: lose(LinkFailure(.disconnected, closedText))
    case .idle, .waiting, .preparing, .connecting, .closing: return
    }
  }

  func closed(_ stream: Stream, error: UVError?) {
    guard stream === self.stream else { return }
    if phase != .closing { streamFailed(error) }
    self.stream = nil
    channel = nil
    handshake = nil
    scratch = []
    let ending = ending
    self.ending = .nothing
    switch ending {
    case .address: tryNextAddress()
    case .loss(let failure):
      breaker.disconnected()
      observer.redisDisconnected()
      phase = .waiting  // so that the handler finds a link that is not ready
      handler?.linkLost(self, failure)
      if phase == .waiting { waitForNext() }
    case .nothing:
      giveUpTrial()
      waitForNext()
      handler?.linkFailed(self)
    }
  }

  /// The stream has ended by itself: says what that is the end of.
  private func streamFailed(_ error: UVError?) {
    let text = Self.describe(error)
    switch phase {
    case .connecting: addressFailed(error == .timedOut ? .timeout : .disconnected, text)
    case .securing, .greeting: interrupted(text)
    case .ready: lose(LinkFailure(.disconnected, text))
    case .idle, .waiting, .preparing, .closing: return
    }
  }

  /// The peer went away before we were ready.
  private func interrupted(_ text: String) {
    if phase == .securing {
      return addressFailed(.tls, "\(text) during the TLS handshake; if it speaks plain text there, use redis://")
    }
    let failure = handshake?.interrupted(text, isPlain: channel == nil) ?? LinkFailure(.disconnected, text)
    addressFailed(failure.failure, failure.detail)
  }

  /// Something that makes a connection useless, whether it is ready or not.
  private func broken(_ failure: RedisFailure, _ detail: String) {
    switch phase {
    case .ready: lose(LinkFailure(failure, detail))
    case .securing, .greeting: addressFailed(failure, detail)
    case .idle, .waiting, .preparing, .connecting, .closing: return
    }
  }

  /// The ready connection is of no use any more.
  func lose(_ failure: LinkFailure) {
    // One that lasted was a sound one: the first wait after it is the shortest again.
    if loop.now - readySince >= Bounds.backoff.upperBound { backoff = Bounds.backoff.lowerBound }
    end(.loss(failure.failure))
    guard !isStopped, !loop.isClosing else { return }
    count(LinkFailure(failure.failure, "\(place): \(failure.detail)"), isLoss: true)
  }

  /// Closes the stream; `closed` goes on.
  func end(_ ending: Ending) {
    timer.stop()
    phase = .closing
    self.ending = ending
    stream?.close()
  }

  // MARK: words

  private var closedText: String { "it closed the connection" }

  /// Where: the target as it was given, and the address where that is another.
  var place: String {
    switch target.place {
    case .unix(let path): return "unix:\(path)"
    case .host(let host, let port):
      let name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      guard let addresses = preparation?.addresses, addresses.indices.contains(addressIndex) else { return name }
      let address = addresses[addressIndex].description
      return address == name || Preparation.literal(target.place) != nil ? name : "\(name) (\(address))"
    }
  }

  private static func describe(_ error: UVError?) -> String {
    switch error {
    case nil: "the connection ended"
    case .some(.timedOut): "no connection within 1 s; check the address, and firewalls and network policies between"
    case .some(.connectionRefused): "connection refused; is Redis running there?"
    case .some(.noSuchFile): "there is no such socket; is Redis running, with this path as its unixsocket?"
    case .some(let error) where error.name == "EACCES": "permission denied; see Redis's unixsocketperm"
    case .some(let error): "\(error.message) (\(error.name))"
    }
  }
}
