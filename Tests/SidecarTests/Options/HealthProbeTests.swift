// HealthProbeTests.swift: what answers mean, and the probe against real sockets on loopback.

import Glibc
import Testing

@testable import Sidecar

@Suite struct HealthProbeTests {
  @Test(
    "status 200 is healthy, anything else is not, with its reason",
    arguments: [
      ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n", .healthy), ("HTTP/1.0 200 OK\r\n\r\n", .healthy),
      ("HTTP/1.1 200\r\n\r\n", .healthy),
      ("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\ndraining\nmore", .unhealthy("answered 503: \"draining\"")),
      ("HTTP/1.1 404 Not Found\r\n\r\n", .unhealthy("answered 404")),
      ("HTTP/1.1 503 X\r\n\r\n\u{1b}[2J", .unhealthy("answered 503: \"\\u001b[2J\"")),
      ("", .unhealthy("closed the connection without an answer")),
      ("SSH-2.0-OpenSSH_9.2\r\n", .unhealthy("gave an answer that is not HTTP")),
      ("HTTP/1.1 2000 OK\r\n\r\n", .unhealthy("gave an answer that is not HTTP")),
      ("HTTP/1.1\r\n\r\n", .unhealthy("gave an answer that is not HTTP")),
    ] as [(String, HealthAnswer)])
  func answers(text: String, expected: HealthAnswer) {
    #expect(HealthAnswer(Array(text.utf8)) == expected)
  }

  @Test("the question is a whole request that asks for the connection's end")
  func request() throws {
    let tcp = HealthAnswer.request(to: try ListenAddress("127.0.0.1:7430"))
    #expect(
      String(decoding: tcp, as: UTF8.self)
        == "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:7430\r\nConnection: close\r\n\r\n")
    let unix = HealthAnswer.request(to: try ListenAddress("unix:/a"))
    #expect(String(decoding: unix, as: UTF8.self).contains("\r\nHost: localhost\r\n"))
  }

  @Test("a server's answer is found, over TCP")
  func tcp() throws {
    let server = try #require(Server(answer: "HTTP/1.1 200 OK\r\n\r\n"))
    let address = try ListenAddress("127.0.0.1:\(server.port)")
    let thread = server.answerOne()
    #expect(HealthProbe.ask(address, timeout: 10_000_000_000) == .healthy)
    pthread_join(thread, nil)
  }

  @Test("a server's answer is found, over a Unix socket, also a denial with its reason")
  func unix() throws {
    let path = "/tmp/weir-health-\(getpid()).sock"
    defer { unsafe unlink(path) }
    let server = try #require(Server(path: path, answer: "HTTP/1.1 503 No\r\n\r\ndraining\n"))
    let thread = server.answerOne()
    let answer = HealthProbe.ask(try ListenAddress("unix:\(path)?mode=0600"), timeout: 10_000_000_000)
    #expect(answer == .unhealthy("answered 503: \"draining\""))
    pthread_join(thread, nil)
  }

  @Test("a server that accepts and says nothing is unhealthy when the time is over")
  func silent() throws {
    let server = try #require(Server(answer: ""))
    let address = try ListenAddress("127.0.0.1:\(server.port)")
    #expect(HealthProbe.ask(address, timeout: 50_000_000) == .unhealthy("did not answer in time"))
  }

  @Test("a Unix socket whose backlog is full is asked until the time is over")
  func fullBacklog() throws {
    let path = "/tmp/weir-health-full-\(getpid()).sock"
    defer { unsafe unlink(path) }
    let server = try #require(Server(path: path, answer: "HTTP/1.1 200 OK\r\n\r\n", backlog: 0))
    let address = try ListenAddress("unix:\(path)")
    // Without anyone who accepts, the first takes the only place.
    #expect(HealthProbe.ask(address, timeout: 50_000_000) == .unhealthy("did not answer in time"))
    #expect(HealthProbe.ask(address, timeout: 50_000_000) == .unhealthy("did not accept the connection in time"))
    // Each of these threads takes one connection, and the first one's is the one that gave up.
    let threads = [server.answerOne(), server.answerOne()]
    #expect(HealthProbe.ask(address, timeout: 10_000_000_000) == .healthy)
    for thread in threads { pthread_join(thread, nil) }
  }

  @Test("a name is asked at its IPv4 address, where the server listens")
  func name() throws {
    let server = try #require(Server(answer: "HTTP/1.1 200 OK\r\n\r\n"))
    let thread = server.answerOne()
    #expect(HealthProbe.ask(try ListenAddress("localhost:\(server.port)"), timeout: 10_000_000_000) == .healthy)
    pthread_join(thread, nil)
  }

  @Test("nobody there is unhealthy, with the system's reason")
  func nobody() throws {
    var port: UInt16 = 0
    do { port = try #require(Server(answer: "")).port }
    let answer = HealthProbe.ask(try ListenAddress("127.0.0.1:\(port)"), timeout: 10_000_000_000)
    #expect(answer == .unhealthy("cannot connect: Connection refused"))
    let socket = HealthProbe.ask(try ListenAddress("unix:/nonexistent/weir.sock"), timeout: 10_000_000_000)
    #expect(socket == .unhealthy("cannot connect: No such file or directory"))
  }

  /// A listening socket, on a loopback port that the system chose or at a path.
  private final class Server: Sendable {
    let descriptor: Int32
    let port: UInt16
    let answer: String

    init?(answer: String) {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
          unsafe bind(descriptor, generic, length) == 0 && listen(descriptor, 8) == 0
            && getsockname(descriptor, generic, &length) == 0
        }
      }
      guard descriptor >= 0, isBound else { return nil }
      self.descriptor = descriptor
      self.answer = answer
      port = UInt16(bigEndian: address.sin_port)
    }

    init?(path: String, answer: String, backlog: Int32 = 8) {
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in
        for (index, byte) in path.utf8.prefix(field.count - 1).enumerated() { unsafe field[index] = byte }
      }
      let isBound = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
          unsafe bind(descriptor, generic, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            && listen(descriptor, backlog) == 0
        }
      }
      guard descriptor >= 0, isBound else { return nil }
      self.descriptor = descriptor
      self.answer = answer
      port = 0
    }

    deinit { close(descriptor) }

    /// Accepts one connection on a thread, reads a request, answers and closes.
    func answerOne() -> pthread_t {
      var thread = pthread_t()
      let this = unsafe Unmanaged.passRetained(self).toOpaque()
      unsafe pthread_create(
        &thread, nil,
        { context in
          let server = unsafe Unmanaged<Server>.fromOpaque(context!).takeRetainedValue()
          let connection = accept(server.descriptor, nil, nil)
          var buffer = [UInt8](repeating: 0, count: 1024)
          _ = unsafe read(connection, &buffer, buffer.count)
          // One that gave up is gone: an error, and not the signal that ends the tests.
          _ = unsafe server.answer.withCString { unsafe send(connection, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
          close(connection)
          return nil
        }, this)
      return thread
    }
  }
}
