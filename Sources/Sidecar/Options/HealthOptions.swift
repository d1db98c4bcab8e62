// HealthOptions.swift: whom `weir health` asks.

import Policies

/// Every option of `weir health`.
public struct HealthOptions: Sendable, Equatable {
  /// What to connect to: never all interfaces (then it is loopback) and never port 0.
  public var address: ListenAddress

  /// Reads the options of `weir health`.
  ///
  /// Without `--address` the server's own variables say where it is: `WEIR_ADMIN`, where that is `off` `WEIR_METRICS`,
  /// else the first address of `WEIR_LISTEN`. The first two have connections of their own, so that a data listener
  /// whose connections are all taken does not look like a weir that has died. A listener whose port the system chose
  /// cannot be found, and the next is taken.
  public static func parse(arguments: [String], environment: [String: String]) throws(UsageError) -> HealthOptions {
    var given = Given()
    let reader = OptionReader(command: "health", rows: table.flatMap(\.rows))
    if let operand = try reader.read(arguments, environment, into: &given).first {
      throw .unexpected(operand, expected: "flags only; weir is asked at --address ADDR")
    }
    if let address = given.address { return try HealthOptions(address, source: "--address") }
    // The server's variables are read as the server reads them, its flags being unknown here.
    let places = ServeOptions.table.flatMap(\.rows).filter { ["--admin", "--metrics", "--listen"].contains($0.flag) }
    var server = ServeOptions()
    _ = try OptionReader(command: "health", rows: places).read([], environment, into: &server)
    let named: [(source: String, address: ListenAddress?)] =
      [("WEIR_ADMIN", server.admin), ("WEIR_METRICS", server.metrics)] + server.listen.map { ("WEIR_LISTEN", $0) }
    let listeners = named.compactMap { source, address in address.map { (source: source, address: $0) } }
    let found = listeners.first { !$0.address.leavesPortToSystem } ?? listeners[0]
    return try HealthOptions(found.address, source: found.source)
  }

  private init(_ given: ListenAddress, source: String) throws(UsageError) {
    guard case .tcp(let host, let port) = given.place else {
      address = given
      return
    }
    guard !given.leavesPortToSystem else {
      throw UsageError("\(source) \(UsageError.quote(given.text)): expected a port to connect to, 1 to 65535")
    }
    // A server on all interfaces answers on loopback too.
    if host.isEmpty || IPAddress(host) == IPAddress(v4: 0) {
      address = ServeOptions.address("127.0.0.1:\(port)")
    } else if IPAddress(host) == IPAddress(high: 0, low: 0) {
      address = ServeOptions.address("[::1]:\(port)")
    } else {
      address = given
    }
  }

  /// What the flags say, before the server's variables are asked.
  struct Given: Sendable {
    var address: ListenAddress?
  }

  static let table: [OptionGroup<Given>] = [
    OptionGroup(
      title: "Options",
      rows: [
        .one(
          "--address", "ADDR", default: "WEIR_ADMIN, else WEIR_METRICS, else WEIR_LISTEN", variable: false,
          "where weir listens: host:port or unix:/path"
        ) { (options, text) throws(Misfit) in options.address = try ListenAddress(text) }
      ])
  ]
}
