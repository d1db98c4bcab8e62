// Preparation.swift: what an attempt to connect needs and may have to wait for: addresses, the password, certificates.
// All of it is looked up anew for each attempt, so that a failover by DNS, a changed password and a renewed certificate
// are found without a restart. These calls may block.

import EventLoop
import Glibc

/// Why a connection could not be made or did not last.
struct LinkFailure: Error, Equatable, Sendable {
  let failure: RedisFailure
  /// See `RedisObserver.redisFailed`.
  let detail: String

  init(_ failure: RedisFailure, _ detail: String) {
    self.failure = failure
    self.detail = detail
  }
}

/// All that is needed to connect.
struct Preparation: Sendable {
  /// At least one.
  var addresses: [SocketAddress]
  var password: [UInt8]?
  var tls: TLSContext?

  /// For a target that needs neither a name server nor a file; nil for others.
  static func immediate(_ target: RedisTarget) -> Preparation? {
    guard target.passwordFile == nil, target.tls == nil, let address = literal(target.place) else { return nil }
    return Preparation(addresses: [address], password: password(of: target))
  }

  /// For any target. May block for as long as name servers and file systems do.
  static func make(_ target: RedisTarget) -> Result<Preparation, LinkFailure> {
    do throws(LinkFailure) {
      var preparation = Preparation(addresses: try resolve(target.place), password: password(of: target))
      if let file = target.passwordFile { preparation.password = try read(passwordFile: file) }
      if let settings = target.tls {
        do { preparation.tls = try TLSContext(settings) } catch { throw LinkFailure(.tls, error.detail) }
      }
      return .success(preparation)
    } catch {
      return .failure(error)
    }
  }

  private static func password(of target: RedisTarget) -> [UInt8]? {
    // `redis://:@host` says that there is none.
    target.password.flatMap { $0.isEmpty ? nil : Array($0.utf8) }
  }

  /// The address where `place` is one already.
  static func literal(_ place: RedisTarget.Place) -> SocketAddress? {
    switch place {
    case .unix(let path): return .unix(path: path)
    case .host(let host, let port):
      guard host.utf8.allSatisfy({ $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") || isHexDigit($0) }) else {
        return nil
      }
      let text = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      // A name such as `cafe` would be looked up: only what begins like an address is read as one.
      guard host.contains(":") || host.split(separator: ".").count == 4 && host.utf8.allSatisfy({ $0 < 58 }) else {
        return nil
      }
      return (try? SocketAddress.resolve(text))?.first
    }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  private static func resolve(_ place: RedisTarget.Place) throws(LinkFailure) -> [SocketAddress] {
    if let address = literal(place) { return [address] }
    guard case .host(let host, let port) = place else { preconditionFailure("every path is literal") }
    do {
      let text = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      return Array(try SocketAddress.resolve(text).prefix(Bounds.addresses))
    } catch {
      throw LinkFailure(.resolve, "\(error.problem); \(RedisFailure.resolve.advice)")
    }
  }

  /// The bytes of `file` without the line break that editors put at its end.
  private static func read(passwordFile file: String) throws(LinkFailure) -> [UInt8] {
    func refuse(_ reason: String) -> LinkFailure { LinkFailure(.auth, "the password file \(file): \(reason)") }
    func systemReason() -> String { unsafe String(cString: strerror(errno)) }

    let descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw refuse(systemReason()) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Bounds.passwordFile + 1)
    var count = 0
    while count < bytes.count {
      let result = unsafe bytes.withUnsafeMutableBytes { bytes in
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[count...])
        return unsafe Glibc.read(descriptor, rest.baseAddress, rest.count)
      }
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { throw refuse(systemReason()) }
      if result == 0 { break }
      count += result
    }
    guard count <= Bounds.passwordFile else { throw refuse("holds more than \(Bounds.passwordFile) bytes") }
    bytes.removeLast(bytes.count - count)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    guard !bytes.isEmpty else { throw refuse("is empty") }
    return bytes
  }
}
