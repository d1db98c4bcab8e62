// ServeOptions.swift: what `weir serve` was told, typed and checked. The table that reads it is in
// ServeOptions+Table.swift.

public import Policies
public import Telemetry

/// Every option of `weir serve`. As made by `init()`, the defaults.
public struct ServeOptions: Sendable, Equatable {
  /// A policy file or a directory of them.
  public var policies = "policies"

  /// Where checks come in; at least one, no two the same.
  public var listen: [ListenAddress] = [ServeOptions.address("127.0.0.1:7429")]
  /// Where operators ask; nil for nowhere.
  public var admin: ListenAddress? = ServeOptions.address("127.0.0.1:7430")
  /// Where kubelet and Prometheus ask; nil for nowhere.
  public var metrics: ListenAddress?
  /// A file whose content allows changes where the admin address is not loopback.
  public var adminTokenFile: String?

  /// The store that several weirs share.
  public var redis: RedisURL?
  /// A file that holds the password; then the URL holds none.
  public var redisPasswordFile: String?
  /// Nanoseconds from a check's arrival to the end of the wait for Redis; 1 ms to 1 min.
  public var redisTimeout: Int64 = 50_000_000
  /// While Redis is away, each weir grants its share of a limit rather than the whole.
  public var sharesFallback = true

  /// Event loops, 1 to 1024; nil for as many as the process may use cores.
  public var threads: Int?
  /// Keys held in memory, 1 to 10^9.
  public var maximumKeys = 1_000_000

  /// Whose client-address header is believed, besides peers on Unix sockets.
  public var trustedProxies: [IPNetwork] = IPNetwork.loopback
  /// Names of headers in which a gateway puts the original request; lower case, valid tokens.
  public var targetHeader = "x-forwarded-uri"
  public var methodHeader = "x-forwarded-method"
  public var hostHeader = "x-forwarded-host"
  public var clientIPHeader = "x-forwarded-for"
  /// Bits of an IPv6 address that count, 0 to 128.
  public var ipv6Prefix = 64
  public var acceptsJSONForm = true

  /// The status of a denial in the gateway form: 401, 403 or 429.
  public var denyStatus = 429
  /// Whether a denial in the gateway form says why in its body.
  public var hasDenyBody = true
  /// Whether the gateway form's answers carry `RateLimit` and `RateLimit-Policy` too.
  public var hasIETFHeaders = false
  public var reset = Reset.epoch
  /// Every policy is in shadow mode: nothing is denied.
  public var isShadow = false

  /// Whether operators see hashes of keys and never a key.
  public var hashesKeys = false

  public var logLevel = LogLevel.info
  /// Lines a second that tell of denied checks, 1 to 1000; nil for none.
  public var loggedDenials: Int?
  /// nil for text where stderr is a terminal, else JSON.
  public var logFormat: LogLine.Format?

  /// Nanoseconds that a stop waits for requests in flight; 0 to 1 d.
  public var drain: Int64 = 10_000_000_000
  /// Nanoseconds that a stop goes on accepting; 0 to 1 d.
  public var drainDelay: Int64 = 0

  public init() {}

  /// What the reset header says. The raw values are the option's words.
  public enum Reset: String, Sendable, CaseIterable {
    /// Unix time in seconds.
    case epoch
    /// Seconds from now.
    case delta
  }

  /// Reads the options of `weir serve`.
  ///
  /// - Parameters:
  ///   - arguments: What follows `serve`.
  ///   - environment: Variables by name; those of other programs do no harm.
  public static func parse(arguments: [String], environment: [String: String]) throws(UsageError) -> ServeOptions {
    var options = ServeOptions()
    let reader = OptionReader(command: "serve", rows: table.flatMap(\.rows))
    let operands = try reader.read(arguments, environment, into: &options)
    if let operand = operands.first {
      throw .unexpected(operand, expected: "flags only; policies are named by --policies PATH")
    }
    try options.checkTogether()
    return options
  }

  /// What no option can see alone.
  private func checkTogether() throws(UsageError) {
    let listeners =
      listen.map { (flag: "--listen", address: $0) } + (admin.map { [(flag: "--admin", address: $0)] } ?? [])
      + (metrics.map { [(flag: "--metrics", address: $0)] } ?? [])
    for (index, later) in listeners.enumerated() {
      guard let earlier = listeners[..<index].first(where: { $0.address.collides(with: later.address) }) else {
        continue
      }
      throw UsageError(
        "\(later.flag) \(UsageError.quote(later.address.text)): expected an address that \(earlier.flag) does not have")
    }
    if loggedDenials != nil, logLevel > .info {
      throw UsageError("--log-denials: expected --log-level info or debug, since a denial is logged as info")
    }
    if redisPasswordFile != nil, let redis, redis.hasPassword {
      throw UsageError("--redis-password-file: expected a --redis without a password of its own")
    }
  }

  /// An address written in this file.
  static func address(_ text: String) -> ListenAddress {
    guard let address = try? ListenAddress(text) else { preconditionFailure("a default is a valid address") }
    return address
  }
}
