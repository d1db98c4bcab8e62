// ValidateCommand.swift: `weir validate`: reads policies as the server would and prints what is wrong, or what is there.

import Glibc
import PolicyFiles
import Sidecar

enum ValidateCommand {
  /// How often files that change while they are read are read again.
  private static let attempts = 50
  /// Microseconds between these.
  private static let pause: UInt32 = 20_000

  static func run(_ options: ValidateOptions) -> ExitCode {
    let result = load(options)
    let code: ExitCode
    switch result {
    case .loaded: code = .success
    case .invalid: code = .policies
    case .unreadable, .changed: code = .failure
    }
    if options.format == .json {
      let printed = Output.write(PolicySummary.json(result))
      return code == .success ? printed : code
    }
    switch result {
    case .loaded(let loaded):
      return Output.write(PolicySummary.lines(loaded.warnings) + PolicySummary.table(loaded.policies))
    case .invalid(let diagnostics):
      _ = Output.write(PolicySummary.lines(diagnostics))
    case .unreadable(let problems):
      for problem in problems { Output.complain(problem.text) }
    case .changed:
      Output.complain("\(options.policies) keeps changing while it is read; try again")
    }
    return code
  }

  private static func load(_ options: ValidateOptions) -> PolicyLoader.Result {
    var loaderOptions = PolicyLoader.Options()
    loaderOptions.redisIsGiven = options.redis != nil
    for _ in 1..<attempts {
      let result = PolicyLoader.load(path: options.policies, options: loaderOptions)
      guard case .changed = result else { return result }
      usleep(pause)
    }
    return PolicyLoader.load(path: options.policies, options: loaderOptions)
  }
}
