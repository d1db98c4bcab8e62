// HealthOptions.swift: whom `weir health` asks.

/// Every option of `weir health`.
public struct HealthOptions: Sendable, Equatable {
  /// What to connect to: never all interfaces (then it is loopback) and never port 0.
  public var address: ListenAddress

  /// Reads the options of `weir health`.
  ///
  /// Without `--address` the server's own variables say where it is: `WEIR_ADMIN`, and where that is `off` the first
  /// address of `WEIR_LISTEN`.
  public static func parse(arguments: [String], environment: [String: String]) throws(UsageError) -> HealthOptions {
    var given = Given()
    let reader = OptionReader(command: "health", rows: table.flatMap(\.rows))
    if let operand = try reader.read(arguments, environment, into: &given).first {
      throw .unexpected(operand, expected: "flags only; weir is asked at --address ADDR")
    }
    if let address = given.address { return try HealthOptions(address, source: "--address") }
    // The server's variables are read as the server reads them, its flags being unknown here.
    let places = ServeOptions.table.flatMap(\.rows).filter { ["--admin", "--listen"].contains($0.flag) }
    var server = ServeOptions()
    _ = try OptionReader(command: "health", rows: places).read([], environment, into: &server)
    if let admin = server.admin { return try HealthOptions(admin, source: "WEIR_ADMIN") }
    return try HealthOptions(server.listen[0], source: "WEIR_LISTEN")
  }

  private init(_ given: ListenAddress, source: String) throws(UsageError) {
    guard case .tcp(let host, let port) = given.place else {
      address = given
      return
    }
    guard port != 0 else {
      throw UsageError("\(source) \(UsageError.quote(given.text)): expected a port to connect to, 1 to 65535")
    }
    // A server on all interfaces answers on loopback too.
    let loopback = ["": "127.0.0.1:\(port)", "0.0.0.0": "127.0.0.1:\(port)", "::": "[::1]:\(port)"][host]
    address = loopback.map(ServeOptions.address) ?? given
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
          "--address", "ADDR", default: "WEIR_ADMIN, or if that is off WEIR_LISTEN", variable: false,
          "where weir listens: host:port or unix:/path"
        ) { (options, text) throws(Misfit) in options.address = try ListenAddress(text) }
      ])
  ]
}
