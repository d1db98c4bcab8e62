// ValidateOptions.swift: what `weir validate` was told.

/// Every option of `weir validate`.
public struct ValidateOptions: Sendable, Equatable {
  /// A policy file or a directory of them.
  public var policies = "policies"
  public var format = Format.text
  /// Given where the server will have a Redis: then `store: redis` is valid, and the default.
  public var redis: RedisURL?

  public init() {}

  /// The form of the answer. The raw values are the option's words.
  public enum Format: String, Sendable, CaseIterable {
    case text, json
  }

  /// Reads the options of `weir validate`: a path, given as an operand, by flag or by variable, and flags.
  public static func parse(arguments: [String], environment: [String: String]) throws(UsageError) -> ValidateOptions {
    var options = ValidateOptions()
    let reader = OptionReader(command: "validate", rows: table.flatMap(\.rows))
    let operands = try reader.read(arguments, environment, into: &options)
    guard let path = operands.first else { return options }
    guard operands.count == 1 else { throw .unexpected(operands[1], expected: "one PATH") }
    guard !path.isEmpty else { throw .unexpected(path, expected: "the PATH of a file or a directory") }
    guard !arguments.contains(where: { $0 == "--policies" || $0.hasPrefix("--policies=") }) else {
      throw .unexpected(path, expected: "PATH or --policies PATH, not both")
    }
    options.policies = path
    return options
  }

  static let table: [OptionGroup<ValidateOptions>] = [
    OptionGroup(
      title: "Options",
      rows: [
        .one("--policies", "PATH", default: "policies", "the same as PATH") {
          (options, text) throws(Misfit) in options.policies = try OptionValue.path(text)
        },
        .one("--format", "text|json", default: "text", variable: false, "the form of the answer on stdout") {
          (options, text) throws(Misfit) in options.format = try OptionValue.word(text)
        },
        .one("--redis", "URL", default: "none", "take store: redis as valid, and as the default") {
          (options, text) throws(Misfit) in options.redis = try RedisURL(text)
        },
      ])
  ]
}
