// HTTPStub.swift: a small HTTP/1.1 server whose answers a test decides: the service behind a gateway, and a check server
// that says what weir never would.
//
// A thread a connection, blocking. It takes requests as gateways send them: with a length, chunked, with
// `Expect: 100-continue`, or as an upgrade, after which it sends back every byte that comes.

import Foundation
import Glibc
import Synchronization

/// A server on a free port of IPv4 loopback. Ends with its owner.
public final class HTTPStub: Sendable {
  /// A request as it came.
  public struct Request: Sendable {
    public var method: String
    /// Raw.
    public var target: String
    public var headers: [(name: String, value: String)]
    /// Without its framing.
    public var body: [UInt8]

    /// The value of the first header of this name; any case.
    public subscript(_ name: String) -> String? {
      headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
  }

  /// What it does with a request.
  public enum Answer: Sendable {
    /// A status with headers, and a body with its length. Status 101 ends in an echo.
    case status(Int, [(String, String)] = [], body: String = "")
    /// Closes the connection without a word.
    case close
    /// Leaves the connection open without a word.
    case silence
  }

  public var address: Address { listener.address }
  /// All requests so far, in the order of their arrival.
  public var requests: [Request] { server.received.withLock { $0 } }

  private let listener: LoopbackListener
  private let server: Server

  /// - Parameters:
  ///   - ignoresBodies: Answers when the head has come, whatever it announces, as weir does in the gateway form.
  ///   - answer: Called on the connection's thread.
  public init(ignoresBodies: Bool = false, _ answer: @escaping @Sendable (Request) -> Answer) throws {
    let server = Server(ignoresBodies: ignoresBodies, answer)
    self.server = server
    listener = try LoopbackListener { peer in
      server.sockets.withLock { _ = $0.insert(peer) }
      Thread.detachNewThread {
        server.serve(peer)
        server.sockets.withLock { _ = $0.remove(peer) }
        close(peer)
      }
    }
  }

  deinit {
    server.sockets.withLock { for socket in $0 { shutdown(socket, Int32(SHUT_RDWR)) } }
  }
}

/// What all connections of a stub share.
private final class Server: Sendable {
  let sockets = Mutex<Set<Int32>>([])
  let received = Mutex<[HTTPStub.Request]>([])
  private let answer: @Sendable (HTTPStub.Request) -> HTTPStub.Answer
  private let ignoresBodies: Bool

  init(ignoresBodies: Bool, _ answer: @escaping @Sendable (HTTPStub.Request) -> HTTPStub.Answer) {
    self.ignoresBodies = ignoresBodies
    self.answer = answer
  }

  func serve(_ peer: Int32) {
    var input = Input(peer)
    while let request = input.request(ignoringBody: ignoresBodies) {
      received.withLock { $0.append(request) }
      switch answer(request) {
      case .close: return
      case .silence: input.waitForEnd()
      case .status(101, let headers, _):
        guard send(Self.head(101, headers), to: peer) else { return }
        while let bytes = input.take() { guard send(bytes, to: peer) else { return } }
      case .status(let status, let headers, let body):
        // Statuses that have no body by their definition have no length either.
        let isBare = status == 204 || status == 304
        let head = Self.head(status, isBare ? headers : headers + [("Content-Length", "\(body.utf8.count)")])
        let isSilent = isBare || request.method == "HEAD"
        guard send(head + (isSilent ? [] : Array(body.utf8)), to: peer) else { return }
      }
      if request["Connection"]?.lowercased() == "close" { return }
    }
  }

  private static func head(_ status: Int, _ headers: [(String, String)]) -> [UInt8] {
    Array("HTTP/1.1 \(status) Stub\r\n\(headers.map { "\($0.0): \($0.1)\r\n" }.joined())\r\n".utf8)
  }

  private func send(_ bytes: [UInt8], to peer: Int32) -> Bool {
    (try? HTTPClient.sendAll(bytes, to: peer, .unix(path: "a stub's peer"))) != nil
  }

  /// What a peer sends. Requests that are none end the connection.
  private struct Input {
    let peer: Int32
    var bytes: [UInt8] = []

    init(_ peer: Int32) { self.peer = peer }

    mutating func request(ignoringBody: Bool) -> HTTPStub.Request? {
      guard var request = head() else { return nil }
      if ignoringBody { return request }
      if request["Expect"]?.lowercased() == "100-continue" {
        guard
          (try? HTTPClient.sendAll(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), to: peer, .unix(path: "a stub's peer")))
            != nil
        else { return nil }
      }
      if request["Transfer-Encoding"]?.lowercased() == "chunked" {
        while let line = line() {
          guard let count = Int(line.prefix { $0 != ";" }, radix: 16), let chunk = take(count), self.line() == "" else {
            return nil
          }
          guard count > 0 else { return request }
          request.body += chunk
        }
        return nil
      }
      guard let body = take(request["Content-Length"].flatMap { Int($0) } ?? 0) else { return nil }
      request.body = body
      return request
    }

    private mutating func head() -> HTTPStub.Request? {
      guard let first = line() else { return nil }
      let parts = first.split(separator: " ").map(String.init)
      guard parts.count == 3 else { return nil }
      var request = HTTPStub.Request(method: parts[0], target: parts[1], headers: [], body: [])
      while let line = line() {
        if line.isEmpty { return request }
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        request.headers.append((name: String(line[..<colon]), value: String(value)))
      }
      return nil
    }

    /// The next line, without its end.
    private mutating func line() -> String? {
      var searched = 0
      while true {
        if let end = bytes[searched...].firstIndex(of: 10) {
          let line = bytes[..<end].last == 13 ? bytes[..<(end - 1)] : bytes[..<end]
          let text = String(decoding: line, as: UTF8.self)
          bytes.removeSubrange(...end)
          return text
        }
        searched = bytes.count
        guard receive() else { return nil }
      }
    }

    private mutating func take(_ count: Int) -> [UInt8]? {
      while bytes.count < count { guard receive() else { return nil } }
      let taken = Array(bytes[..<count])
      bytes.removeSubrange(..<count)
      return taken
    }

    /// Whatever comes next.
    mutating func take() -> [UInt8]? {
      guard !bytes.isEmpty || receive() else { return nil }
      defer { bytes = [] }
      return bytes
    }

    mutating func waitForEnd() { while take() != nil {} }

    private mutating func receive() -> Bool {
      var chunk = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = unsafe recv(peer, &chunk, chunk.count, 0)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return false }
        bytes += chunk[..<count]
        return true
      }
    }
  }
}
