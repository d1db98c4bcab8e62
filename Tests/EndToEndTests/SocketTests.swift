// SocketTests.swift: where weir listens: TCP, IPv6, Unix sockets with their modes, several at once, and ports taken.

import Glibc
import TestKit
import Testing

@Suite struct SocketTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 1000, period: \(forever)}]"

  private func mode(of path: String) throws -> mode_t {
    var information = stat()
    guard unsafe stat(path, &information) == 0 else { throw SystemFailure("stat \(path)") }
    return information.st_mode & 0o777
  }

  @Test("a Unix socket has mode 0660 by default, or the one given", arguments: [("", 0o660), ("?mode=0600", 0o600)])
  func modes(options: String, mode expected: Int) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("weir.sock")
    let weir = try WeirProcess(Self.policies, listen: ["unix:\(path)\(options)"])
    #expect(try Int(mode(of: path)) == expected)
    #expect(try HTTPClient(.unix(path: path)).request("GET", "/check/a").int("X-RateLimit-Remaining") == 999)
    try weir.terminate()
  }

  @Test("a stale socket file is replaced, a live one is an error")
  func stale() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("weir.sock")
    let first = try WeirProcess(Self.policies, listen: ["unix:\(path)"])
    #expect(throws: WeirProcess.StartFailure.self) { try WeirProcess(Self.policies, listen: ["unix:\(path)"]) }
    #expect(try HTTPClient(.unix(path: path)).request("GET", "/check/a").status == 200)
    first.signal(SIGKILL)
    try first.wait()
    let second = try WeirProcess(Self.policies, listen: ["unix:\(path)"])
    #expect(try HTTPClient(second.listen[0]).request("GET", "/check/a").int("X-RateLimit-Remaining") == 999)
  }

  @Test("several listeners share the counters; port 0 takes a free port and logs it")
  func several() throws {
    let directory = try TemporaryDirectory()
    let weir = try WeirProcess(
      Self.policies, listen: ["127.0.0.1:0", "unix:\(directory.file("a"))", ":0"])
    #expect(Set(weir.listen).count == 3)
    for (index, address) in weir.listen.enumerated() {
      #expect(address.port != 0 || index == 1)
      let response = try HTTPClient(address).request("GET", "/check/a")
      #expect(response.int("X-RateLimit-Remaining") == 999 - index)
    }
  }

  @Test("an IPv6 address is written in brackets", .enabled(if: SocketTests.hasIPv6))
  func ipv6() throws {
    let weir = try WeirProcess(Self.policies, listen: ["[::1]:0"])
    #expect(weir.listen[0].text.hasPrefix("[::1]:"))
    #expect(try weir.request("GET", "/check/a").status == 200)
  }

  static let hasIPv6: Bool = {
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    unsafe inet_pton(AF_INET6, "::1", &address.sin6_addr)
    let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, size) == 0 }
    }
  }()

  @Test("a port that another weir listens on is an error that names it, exit 1", arguments: ["--listen", "--admin"])
  func portTaken(flag: String) throws {
    let weir = try WeirProcess(Self.policies)
    let taken = weir.listen[0].text
    let other = flag == "--listen" ? "--admin" : "--listen"
    let result = try WeirProcess.run(["serve", "--policies", weir.policies.path, flag, taken, other, "127.0.0.1:0"])
    #expect(result.status == .exited(1))
    #expect(result.errors.contains(taken))
    #expect(try weir.request("GET", "/check/a").status == 200)
  }

  @Test("healthz and readyz answer on every listener, and the data plane has no other page")
  func health() throws {
    let weir = try WeirProcess(Self.policies)
    for address in [weir.listen[0], try #require(weir.admin)] {
      for target in ["/healthz", "/readyz"] {
        #expect(try HTTPClient(address).request("GET", target).status == 200, "\(address.text)\(target)")
      }
    }
    for target in ["/metrics", "/policies", "/health", "/"] {
      #expect(try weir.request("GET", target).status == 404, "\(target)")
    }
  }
}
