// Command.swift: arguments and environment to what is to be done. Pure: nothing is opened, printed or looked up.

import PolicyFiles

/// What the command line asks for.
public enum Command: Sendable, Equatable {
  case serve(ServeOptions)
  case validate(ValidateOptions)
  case explain(ExplainOptions)
  case health(HealthOptions)
  case version
  /// Print a page of help on stdout.
  case help(page: String)

  /// The names of the commands, in the order of the help.
  public enum Name: String, Sendable, CaseIterable {
    case serve, validate, explain, health, version, help
  }

  /// The environment variables that any command reads.
  public static let variables: [String] =
    ServeOptions.table.flatMap(\.rows).compactMap(\.variable)

  /// Reads a command line.
  ///
  /// `--help` or `-h` anywhere after a command asks for its help, whatever else is wrong there.
  ///
  /// - Parameters:
  ///   - arguments: All of them but the program's own name.
  ///   - environment: At least those of `variables` that are set.
  public static func parse(arguments: [String], environment: [String: String]) throws(UsageError) -> Command {
    guard let word = arguments.first else { throw UsageError("no command given") }
    switch word {
    case "--help", "-h": return .help(page: HelpText.overview)
    case "--version": return .version
    default: break
    }
    let name = try Self.name(word)
    let rest = Array(arguments.dropFirst())
    if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
      return .help(page: HelpText.page(of: name))
    }
    switch name {
    case .serve: return .serve(try .parse(arguments: rest, environment: environment))
    case .validate: return .validate(try .parse(arguments: rest, environment: environment))
    case .explain: return .explain(try .parse(arguments: rest, environment: environment))
    case .health: return .health(try .parse(arguments: rest, environment: environment))
    case .version:
      if let extra = rest.first { throw .unexpected(extra, expected: "nothing after version") }
      return .version
    case .help: return .help(page: try help(rest))
    }
  }

  private static func help(_ arguments: [String]) throws(UsageError) -> String {
    if arguments.count > 1 { throw .unexpected(arguments[1], expected: "one command") }
    guard let topic = arguments.first else { return HelpText.overview }
    return HelpText.page(of: try name(topic))
  }

  private static func name(_ word: String) throws(UsageError) -> Name {
    let names = Name.allCases.map(\.rawValue)
    guard let name = Name(rawValue: word) else {
      let nearest = NearestWord.nearest(to: word, in: names) ?? "help"
      throw UsageError(
        "unknown command \(UsageError.quote(word)): expected \(OptionValue.alternatives(names)); "
          + "the nearest is \(nearest)")
    }
    return name
  }
}
