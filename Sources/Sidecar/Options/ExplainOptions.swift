// ExplainOptions.swift: what `weir explain` was told.

public import CheckAPI
import Limiting

/// Every option of `weir explain`.
public struct ExplainOptions: Sendable, Equatable {
  /// A policy file or a directory of them.
  public var policies = "policies"
  public var check = DescribedCheck()
  public var format = ValidateOptions.Format.text
  /// As of `weir validate`.
  public var redis: RedisURL?
  public var ipv6Prefix = 64

  public init() {}

  /// Reads the options of `weir explain`: flags only.
  public static func parse(arguments: [String], environment: [String: String]) throws(UsageError) -> ExplainOptions {
    var options = ExplainOptions()
    let reader = OptionReader(command: "explain", rows: table.flatMap(\.rows))
    if let extra = try reader.read(arguments, environment, into: &options).first {
      throw .unexpected(extra, expected: "flags")
    }
    // Each fact is right by itself; together they may still be no request.
    if let problem = options.check.problem { throw UsageError("no such check: \(problem.detail)") }
    return options
  }

  private typealias Row = OptionRow<ExplainOptions>

  static let table: [OptionGroup<ExplainOptions>] = [
    OptionGroup(title: "The check", rows: checkRows),
    OptionGroup(title: "Options", rows: otherRows),
  ]

  private static let checkRows: [Row] = [
    .one("--domain", "D", default: "default", variable: false, "the domain whose policies are asked") {
      (options, text) throws(Misfit) in
      options.check.domain = text
      try require(text, "a domain: [a-z0-9] then [a-z0-9._-]") { $0.domain = text }
    },
    .one("--method", "M", default: "GET", variable: false, "the request's method") {
      (options, text) throws(Misfit) in
      options.check.method = text
      try require(text, "a method such as GET") { $0.method = text }
    },
    .one("--path", "TARGET", default: "none", variable: false, "the request's target, with its query") {
      (options, text) throws(Misfit) in
      options.check.target = text
      try require(text, "a target such as /v1/x?q=1, without spaces") { $0.target = text }
    },
    .one("--host", "H", default: "none", variable: false, "the request's host") {
      (options, text) throws(Misfit) in
      options.check.host = text
      try require(text, "a host") { $0.host = text }
    },
    .one("--ip", "A", default: "none", variable: false, "the address that the gateway is asked from") {
      (options, text) throws(Misfit) in
      options.check.ip = text
      try require(text, "an IP address") { $0.ip = text }
    },
    .many("--header", "'NAME: VALUE'", default: "none", variable: false, "a header of the request; repeatable") {
      (options, texts) throws(Misfit) in
      for text in texts { options.check.headers.append(try header(text)) }
    },
    .many(
      "--attribute", "NAME=VALUE", default: "none", variable: false,
      "an attribute as the JSON form has it, set after those of the request; repeatable"
    ) { (options, texts) throws(Misfit) in
      for text in texts { options.check.attributes.append(try attribute(text)) }
    },
    .one("--cost", "N", default: "1", variable: false, "what the check costs; multiplies a policy's own cost") {
      (options, text) throws(Misfit) in
      let range = Int(Limiting.Bounds.checkCost.lowerBound)...Int(Limiting.Bounds.checkCost.upperBound)
      options.check.cost = Int64(try OptionValue.integer(text, in: range))
    },
  ]

  private static let otherRows: [Row] = [
    .one("--policies", "PATH", default: "policies", "a policy file, or a directory of *.yaml, *.yml and *.json") {
      (options, text) throws(Misfit) in options.policies = try OptionValue.path(text)
    },
    .one("--format", "text|json", default: "text", variable: false, "the form of the answer on stdout") {
      (options, text) throws(Misfit) in options.format = try OptionValue.word(text)
    },
    .one("--redis", "URL", default: "none", "take store: redis as valid, and as the default") {
      (options, text) throws(Misfit) in options.redis = try RedisURL(text)
    },
    .one("--ipv6-prefix", "N", default: "64", "how many bits of an IPv6 address count, 0 to 128") {
      (options, text) throws(Misfit) in options.ipv6Prefix = try OptionValue.integer(text, in: 0...128)
    },
  ]

  /// Refuses a fact with which alone a check would be none.
  private static func require(
    _ text: String, _ expected: String, _ set: (inout DescribedCheck) -> Void
  ) throws(Misfit) {
    var alone = DescribedCheck()
    set(&alone)
    if alone.problem != nil { throw Misfit(text, expected: expected) }
  }

  private static func header(_ text: String) throws(Misfit) -> DescribedCheck.Field {
    let expected = "a header such as 'x-plan: free'"
    guard let colon = text.firstIndex(of: ":") else { throw Misfit(text, expected: expected) }
    let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
    let field = DescribedCheck.Field(String(text[..<colon]), String(value))
    try require(text, expected) { $0.headers = [field] }
    return field
  }

  private static func attribute(_ text: String) throws(Misfit) -> DescribedCheck.Field {
    let expected = "NAME=VALUE with a NAME such as plan, ip or header.x-plan"
    guard let sign = text.firstIndex(of: "=") else { throw Misfit(text, expected: expected) }
    let field = DescribedCheck.Field(String(text[..<sign]), String(text[text.index(after: sign)...]))
    try require(text, expected) { $0.attributes = [field] }
    return field
  }
}
