// ExplainCommand.swift: `weir explain`: reads policies as the server would and says what they make of one check.

import PolicyFiles
import Sidecar

enum ExplainCommand {
  static func run(_ options: ExplainOptions) throws(UsageError) -> ExitCode {
    let result = PolicyReading.load(options.policies, redisIsGiven: options.redis != nil)
    switch result {
    case .loaded(let loaded):
      return Output.write(try FreshExplanation.text(options, loaded.policies))
    case .invalid(let diagnostics):
      Output.writeError(PolicySummary.lines(diagnostics))
      return .policies
    case .unreadable, .changed:
      PolicyReading.complain(of: options.policies, result)
      return .failure
    }
  }
}
