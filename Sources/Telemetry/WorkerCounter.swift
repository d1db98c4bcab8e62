// WorkerCounter.swift: everything a worker counts besides decisions. Each case is one series of one metric; cases of
// one metric stand together, in the order in which `/metrics` shows them.

/// One thing that a worker counts.
public enum WorkerCounter: Int, Sendable, CaseIterable {
  case dataResponses2xx, dataResponses4xx, dataResponses5xx
  case adminResponses2xx, adminResponses4xx, adminResponses5xx
  case metricsResponses2xx, metricsResponses4xx, metricsResponses5xx

  case gatewayChecks, jsonChecks
  /// Gateway checks at exactly `/check` without the header that names the original target: a gateway set up wrongly.
  case checksWithoutTarget
  /// Checks that no policy of their domain matched.
  case checksUnmatched

  case rejectedMalformed, rejectedVersion, rejectedHead, rejectedTarget, rejectedBody, rejectedMethod, rejectedPath
  case rejectedMediaType, rejectedJSON
  /// Refused by the admin listener only.
  case rejectedQuery, rejectedToken, rejectedOrigin, rejectedHost, rejectedPolicy, rejectedConflict

  case timeoutHead, timeoutBody, timeoutIdle, timeoutOutput

  case connectionsOpened, connectionsClosed
  /// Answered 503 and closed, since the bound on connections was reached.
  case connectionsRefused
  /// Ended since all together held too much, and they most.
  case connectionsShed
  /// No count but what connections hold just now: added to and taken from.
  case connectionBytes
  /// `accept` failed, for want of descriptors or memory.
  case acceptErrors

  /// Checks that no store could decide: answered 503.
  case checksUndecided

  /// Script calls that Redis answered, with a result or an error.
  case redisCalls
  case redisTimeouts, redisDisconnects, redisResolveErrors, redisTLSErrors, redisAuthErrors, redisPermissionErrors
  case redisReadOnlyErrors, redisLoadingErrors, redisOutOfMemoryErrors, redisBusyErrors, redisClusterErrors
  case redisOtherErrors, redisOverloads, redisProtocolErrors
  /// Connections made and logged in.
  case redisConnects
  /// Checks denied by a state seen at a denial a moment ago, without asking.
  case redisRememberedDenials

  /// Which listener answered.
  public enum Listener: Int, Sendable, CaseIterable {
    case data, admin, metrics
  }

  /// The counter of answers with `status` on `listener`. 200 to 399 count as 2xx, below 500 as 4xx, the rest as 5xx.
  public static func response(_ listener: Listener, status: Int) -> WorkerCounter {
    let group = status < 400 ? 0 : status < 500 ? 1 : 2
    return switch (listener, group) {
    case (.data, 0): .dataResponses2xx
    case (.data, 1): .dataResponses4xx
    case (.data, _): .dataResponses5xx
    case (.admin, 0): .adminResponses2xx
    case (.admin, 1): .adminResponses4xx
    case (.admin, _): .adminResponses5xx
    case (.metrics, 0): .metricsResponses2xx
    case (.metrics, 1): .metricsResponses4xx
    case (.metrics, _): .metricsResponses5xx
    }
  }
}

extension WorkerCounter {
  /// Whether it says something only where there is a Redis.
  var isOfRedis: Bool { rawValue >= Self.redisCalls.rawValue && rawValue <= Self.redisRememberedDenials.rawValue }

  /// Whether it goes down as well as up.
  var isGauge: Bool { self == .connectionBytes }

  /// The metric and the labels under which a case is shown.
  struct Series {
    var metric: String
    var help: String
    var labels: [MetricsText.Label]
  }

  var series: Series {
    switch self {
    case .dataResponses2xx: Self.responses("data", "2xx")
    case .dataResponses4xx: Self.responses("data", "4xx")
    case .dataResponses5xx: Self.responses("data", "5xx")
    case .adminResponses2xx: Self.responses("admin", "2xx")
    case .adminResponses4xx: Self.responses("admin", "4xx")
    case .adminResponses5xx: Self.responses("admin", "5xx")
    case .metricsResponses2xx: Self.responses("metrics", "2xx")
    case .metricsResponses4xx: Self.responses("metrics", "4xx")
    case .metricsResponses5xx: Self.responses("metrics", "5xx")

    case .gatewayChecks: Self.checks("gateway")
    case .jsonChecks: Self.checks("json")
    case .checksWithoutTarget:
      Series(
        metric: "weir_checks_without_target_total",
        help: "Gateway checks without the header that names the original target.", labels: [])
    case .checksUnmatched:
      Series(metric: "weir_checks_unmatched_total", help: "Checks that no policy matched; they pass.", labels: [])

    case .rejectedMalformed: Self.rejected("malformed")
    case .rejectedVersion: Self.rejected("version")
    case .rejectedHead: Self.rejected("head_too_large")
    case .rejectedTarget: Self.rejected("target_too_long")
    case .rejectedBody: Self.rejected("body_too_large")
    case .rejectedMethod: Self.rejected("method")
    case .rejectedPath: Self.rejected("path")
    case .rejectedMediaType: Self.rejected("media_type")
    case .rejectedJSON: Self.rejected("json")
    case .rejectedQuery: Self.rejected("query")
    case .rejectedToken: Self.rejected("token")
    case .rejectedOrigin: Self.rejected("origin")
    case .rejectedHost: Self.rejected("host")
    case .rejectedPolicy: Self.rejected("policy")
    case .rejectedConflict: Self.rejected("conflict")

    case .timeoutHead: Self.timeout("head")
    case .timeoutBody: Self.timeout("body")
    case .timeoutIdle: Self.timeout("idle")
    case .timeoutOutput: Self.timeout("output")

    case .connectionsOpened:
      Series(metric: "weir_connections_opened_total", help: "Connections accepted and served.", labels: [])
    case .connectionsClosed:
      Series(metric: "weir_connections_closed_total", help: "Served connections that have ended.", labels: [])
    case .connectionsRefused:
      Series(
        metric: "weir_connections_refused_total",
        help: "Connections answered 503, since too many were open.", labels: [])
    case .connectionsShed:
      Series(
        metric: "weir_connections_shed_total",
        help: "Connections ended since all together held too much unfinished, and these most for longest.", labels: [])
    case .connectionBytes:
      Series(
        metric: "weir_connection_bytes",
        help: "Memory of unfinished requests and of answers that their clients have not taken.", labels: [])
    case .acceptErrors:
      Series(metric: "weir_accept_errors_total", help: "Connections that could not be accepted.", labels: [])

    case .checksUndecided:
      Series(
        metric: "weir_checks_undecided_total",
        help: "Checks answered 503, since Redis did not answer and a policy says deny.", labels: [])

    case .redisCalls:
      Series(metric: "weir_redis_calls_total", help: "Script calls that Redis answered.", labels: [])
    case .redisTimeouts: Self.redisError("timeout")
    case .redisDisconnects: Self.redisError("disconnected")
    case .redisResolveErrors: Self.redisError("resolve")
    case .redisTLSErrors: Self.redisError("tls")
    case .redisAuthErrors: Self.redisError("auth")
    case .redisPermissionErrors: Self.redisError("permission")
    case .redisReadOnlyErrors: Self.redisError("read_only")
    case .redisLoadingErrors: Self.redisError("loading")
    case .redisOutOfMemoryErrors: Self.redisError("out_of_memory")
    case .redisBusyErrors: Self.redisError("busy")
    case .redisClusterErrors: Self.redisError("cluster")
    case .redisOtherErrors: Self.redisError("other")
    case .redisOverloads: Self.redisError("overload")
    case .redisProtocolErrors: Self.redisError("protocol")
    case .redisConnects:
      Series(metric: "weir_redis_connects_total", help: "Connections to Redis made and logged in.", labels: [])
    case .redisRememberedDenials:
      Series(
        metric: "weir_redis_remembered_denials_total",
        help: "Checks denied by what Redis said a moment ago, without asking it again.", labels: [])
    }
  }

  private static func responses(_ listener: String, _ status: String) -> Series {
    Series(
      metric: "weir_http_responses_total", help: "Answers by listener and class of status.",
      labels: [.init("listener", listener), .init("status", status)])
  }

  private static func checks(_ form: String) -> Series {
    Series(metric: "weir_checks_total", help: "Checks by form of request.", labels: [.init("form", form)])
  }

  private static func rejected(_ reason: String) -> Series {
    Series(
      metric: "weir_http_requests_rejected_total", help: "Requests answered with an error, by reason.",
      labels: [.init("reason", reason)])
  }

  private static func redisError(_ kind: String) -> Series {
    Series(
      metric: "weir_redis_errors_total", help: "Calls and connections to Redis that failed, by kind.",
      labels: [.init("kind", kind)])
  }

  private static func timeout(_ kind: String) -> Series {
    Series(
      metric: "weir_timeouts_total", help: "Waits that ended without what they were for, by kind.",
      labels: [.init("kind", kind)])
  }
}
