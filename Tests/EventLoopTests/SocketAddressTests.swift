// SocketAddressTests.swift: text to addresses and back.

import Testing

@testable import EventLoop

@Suite struct SocketAddressTests {
  @Test(
    "addresses are read and written in one form",
    arguments: [
      ("127.0.0.1:7429", SocketAddress.v4(0x7f00_0001, port: 7429), "127.0.0.1:7429"),
      ("0.0.0.0:0", .v4(0, port: 0), "0.0.0.0:0"),
      ("255.255.255.255:65535", .v4(0xffff_ffff, port: 65535), "255.255.255.255:65535"),
      ("[::1]:7429", .v6(high: 0, low: 1, port: 7429), "[::1]:7429"),
      ("[2001:DB8:0:0:0:0:0:1]:80", .v6(high: 0x2001_0db8_0000_0000, low: 1, port: 80), "[2001:db8::1]:80"),
      ("[::]:1", .v6(high: 0, low: 0, port: 1), "[::]:1"),
      ("unix:/run/weir.sock", .unix(path: "/run/weir.sock"), "unix:/run/weir.sock"),
      ("unix:relative:x", .unix(path: "relative:x"), "unix:relative:x"),
    ])
  func forms(text: String, address: SocketAddress, written: String) throws {
    let read = try SocketAddress(parsing: text)
    #expect(read == address)
    #expect(read.description == written)
    #expect(try SocketAddress(parsing: written) == address)
  }

  @Test("a port alone is all interfaces")
  func allInterfaces() throws {
    let address = try SocketAddress(parsing: ":7429")
    #expect(address == (Platform.hasIPv6 ? .v6(high: 0, low: 0, port: 7429) : .v4(0, port: 7429)))
  }

  @Test("a name is looked up, IPv4 first")
  func names() throws {
    #expect(try SocketAddress(parsing: "localhost:80") == .v4(0x7f00_0001, port: 80))
    #expect(try SocketAddress.resolve("localhost:80").allSatisfy { $0.isLoopback && $0.port == 80 })
  }

  @Test(
    "what is no address is refused, with a reason",
    arguments: [
      ("", "the port is missing"), ("localhost", "the port is missing"), ("127.0.0.1:", "port \"\""),
      ("127.0.0.1:65536", "port \"65536\""), ("127.0.0.1:+1", "port \"+1\""), ("127.0.0.1:1x", "port \"1x\""),
      ("::1:80", "needs brackets"), ("[::1]", "is no"), ("[::1:80", "needs brackets"), ("[fe80::1%lo]:80", "no IPv6"),
      ("[127.0.0.1]:80", "no IPv6"), ("unix:", "path is missing"), ("name.invalid:80", "host \"name.invalid\""),
      ("unix:/" + String(repeating: "x", count: 103), "at most 103 bytes"), ("a\0b:80", "NUL"),
    ])
  func refused(text: String, reason: String) {
    let error = #expect(throws: AddressError.self) { try SocketAddress(parsing: text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  @Test(
    "loopback is what only this machine reaches",
    arguments: [
      ("127.0.0.1:1", true), ("127.255.0.1:1", true), ("[::1]:1", true), ("[::ffff:127.0.0.1]:1", true),
      ("unix:/x", true),
      ("0.0.0.0:1", false), ("[::]:1", false), ("10.0.0.1:1", false), ("[::2]:1", false),
      ("[::ffff:10.0.0.1]:1", false),
    ])
  func loopback(text: String, isLoopback: Bool) throws {
    #expect(try SocketAddress(parsing: text).isLoopback == isLoopback)
  }

  @Test("a mapped address is the IPv4 address as a peer")
  func mapped() throws {
    #expect(try SocketAddress(parsing: "[::ffff:192.0.2.1]:1").peer == .v4(0xc000_0201))
    #expect(PeerAddress.v6(high: 0x2001_0db8 << 32, low: 1).description == "2001:db8::1")
    #expect(PeerAddress.unix.description == "unix:")
  }
}
