// ServeOptions+Table.swift: the options of `weir serve`, each once. Help, the reference and parsing follow this table.

import Policies
import Telemetry

extension ServeOptions {
  /// Every option, in the order and under the headings of `weir help serve`.
  static let table: [OptionGroup<ServeOptions>] = [
    OptionGroup(title: "Policies and listeners", rows: listenerRows),
    OptionGroup(title: "Reading a check", rows: checkRows),
    OptionGroup(title: "Answering a check", rows: answerRows),
    OptionGroup(title: "Redis", rows: redisRows),
    OptionGroup(title: "Process", rows: processRows),
  ]

  private typealias Row = OptionRow<ServeOptions>

  private static let listenerRows: [Row] = [
    .one("--policies", "PATH", default: "policies", "a policy file, or a directory of *.yaml, *.yml and *.json") {
      (options, text) throws(Misfit) in options.policies = try OptionValue.path(text)
    },
    .many(
      "--listen", "ADDR", default: "127.0.0.1:7429",
      "where checks come in: host:port, [::1]:port, :port (all interfaces) or unix:/path?mode=0660&group=NAME; "
        + "repeatable, in the variable with commas"
    ) { (options, texts) throws(Misfit) in
      var addresses: [ListenAddress] = []
      for text in texts { addresses.append(try ListenAddress(text)) }
      options.listen = addresses
    },
    .one("--admin", "ADDR", default: "127.0.0.1:7430", "the listener for operators, or off") {
      (options, text) throws(Misfit) in options.admin = try addressOrOff(text)
    },
    .one(
      "--metrics", "ADDR", default: "off",
      "a read-only listener for kubelet and Prometheus: /metrics, /healthz, /readyz; or off"
    ) { (options, text) throws(Misfit) in options.metrics = try addressOrOff(text) },
    .one(
      "--admin-token-file", "PATH", default: "none",
      "a file whose first line is the token that changes need, on loopback too; elsewhere there are none without"
    ) { (options, text) throws(Misfit) in options.adminTokenFile = try OptionValue.path(text) },
  ]

  private static let checkRows: [Row] = [
    .one("--target-header", "NAME", default: "X-Forwarded-Uri", "where the gateway puts the original target") {
      (options, text) throws(Misfit) in options.targetHeader = try OptionValue.headerName(text)
    },
    .one("--method-header", "NAME", default: "X-Forwarded-Method", "where the gateway puts the original method") {
      (options, text) throws(Misfit) in options.methodHeader = try OptionValue.headerName(text)
    },
    .one("--host-header", "NAME", default: "X-Forwarded-Host", "where the gateway puts the original host") {
      (options, text) throws(Misfit) in options.hostHeader = try OptionValue.headerName(text)
    },
    .one("--client-ip-header", "NAME", default: "X-Forwarded-For", "where the gateway puts the client's address") {
      (options, text) throws(Misfit) in options.clientIPHeader = try OptionValue.headerName(text)
    },
    .one(
      "--trusted-proxies", "CIDR,...", default: "127.0.0.0/8,::1",
      "whose client-address header is believed, or none; peers on Unix sockets always are"
    ) { (options, text) throws(Misfit) in options.trustedProxies = try OptionValue.networks(text) },
    .one("--ipv6-prefix", "N", default: "64", "how many bits of an IPv6 address count, 0 to 128") {
      (options, text) throws(Misfit) in options.ipv6Prefix = try OptionValue.integer(text, in: 0...128)
    },
    .one("--json-form", "on|off", default: "on", "whether POST /check and /json/check take JSON") {
      (options, text) throws(Misfit) in options.acceptsJSONForm = try OptionValue.onOff(text)
    },
  ]

  private static let answerRows: [Row] = [
    .one("--deny-status", "CODE", default: "429", "the gateway form's status of a denial: 401, 403 or 429") {
      (options, text) throws(Misfit) in
      options.denyStatus = Int(try OptionValue.word(text, of: ["401", "403", "429"])) ?? options.denyStatus
    },
    .one("--deny-body", "on|off", default: "on", "whether the gateway form's denial says why in a body") {
      (options, text) throws(Misfit) in options.hasDenyBody = try OptionValue.onOff(text)
    },
    .one("--ietf-headers", "on|off", default: "off", "whether to send RateLimit and RateLimit-Policy too") {
      (options, text) throws(Misfit) in options.hasIETFHeaders = try OptionValue.onOff(text)
    },
    .one(
      "--reset", "epoch|delta", default: "epoch",
      "X-RateLimit-Reset as Unix time, or as seconds from now (what clients of Kong, Envoy or APISIX expect)"
    ) { (options, text) throws(Misfit) in options.reset = try OptionValue.word(text) },
    .toggle("--shadow", "every policy counts and reports but denies nothing: for a roll-out") {
      options, isOn in options.isShadow = isOn
    },
  ]

  private static let redisRows: [Row] = [
    .one(
      "--redis", "URL", default: "none",
      "the store that several weirs share: redis://[user:password@]host[:6379][/db], "
        + "rediss://... (TLS; ?ca=, ?cert=, ?key=, ?verify=off), unix:///path?db=0, "
        + "redis-cluster://host[:6379],... or redis-sentinel://host[:26379],.../master-name[/db]"
    ) { (options, text) throws(Misfit) in options.redis = try RedisURL(text) },
    .one("--redis-password-file", "PATH", default: "none", "a file with the password, which then is not in the URL") {
      (options, text) throws(Misfit) in options.redisPasswordFile = try OptionValue.path(text)
    },
    .one(
      "--redis-timeout", "DURATION", default: "50ms",
      "for one shared decision, from the check's arrival; 1ms to 1m"
    ) { (options, text) throws(Misfit) in
      options.redisTimeout = try OptionValue.duration(text, in: 1_000_000...60_000_000_000)
    },
    .one(
      "--fallback-share", "on|off", default: "on",
      "while Redis is away, each weir grants its share of a limit (on) or all of it (off)"
    ) { (options, text) throws(Misfit) in options.sharesFallback = try OptionValue.onOff(text) },
  ]

  private static let processRows: [Row] = [
    .one("--threads", "N", default: "the cores this process may use", "event loops, 1 to 1024") {
      (options, text) throws(Misfit) in options.threads = try OptionValue.integer(text, in: 1...1024)
    },
    .one("--max-keys", "N", default: "1000000", "how many keys memory holds, 1 to 1000000000") {
      (options, text) throws(Misfit) in options.maximumKeys = try OptionValue.integer(text, in: 1...1_000_000_000)
    },
    .one("--drain", "DURATION", default: "10s", "how long a stop waits for requests in flight, 0s to 1d") {
      (options, text) throws(Misfit) in options.drain = try OptionValue.duration(text, in: drainRange)
    },
    .one("--drain-delay", "DURATION", default: "0s", "how long a stop goes on accepting first, 0s to 1d") {
      (options, text) throws(Misfit) in options.drainDelay = try OptionValue.duration(text, in: drainRange)
    },
    .toggle(
      "--hash-keys",
      "the lists of keys, answers about one key, and the log have hashes of keys, with a secret of this process; "
        + "/explain and errors that quote policy files still show them"
    ) { options, isOn in options.hashesKeys = isOn },
    .one(
      "--log-level", "LEVEL", default: "info",
      "the least that is logged: debug, info, warning or error; changes of keys always are"
    ) {
      (options, text) throws(Misfit) in
      let name = try OptionValue.word(text, of: LogLevel.allCases.map(\.name))
      options.logLevel = LogLevel.allCases.first { $0.name == name } ?? options.logLevel
    },
    .one(
      "--log-denials", "N/s", default: "off",
      "log denied checks, at most so many a second (1/s to 1000/s), with policy, key and address"
    ) { (options, text) throws(Misfit) in
      options.loggedDenials = try OptionValue.perSecond(text, in: Bounds.denialLines)
    },
    .one("--log-format", "text|json", default: "text on a terminal, else json", "the form of log lines on stderr") {
      (options, text) throws(Misfit) in options.logFormat = try OptionValue.word(text) as LogLine.Format
    },
  ]

  /// Nanoseconds: 0 to 1 d.
  private static let drainRange: ClosedRange<Int64> = 0...86_400_000_000_000

  private static func addressOrOff(_ text: String) throws(Misfit) -> ListenAddress? {
    text == "off" ? nil : try ListenAddress(text)
  }
}
