// ValidateCommand.swift: `weir validate`: reads policies as the server would and prints what is wrong, or what is there.

import PolicyFiles
import Sidecar

enum ValidateCommand {
  static func run(_ options: ValidateOptions) -> ExitCode {
    let result = PolicyReading.load(options.policies, redisIsGiven: options.redis != nil)
    let code: ExitCode
    switch result {
    case .loaded: code = .success
    case .invalid: code = .policies
    case .unreadable, .changed: code = .failure
    }
    var notes: [String] = []
    if case .loaded(let loaded) = result, options.redis?.isCluster == true { notes = SlotNotes.notes(loaded.policies) }
    if options.format == .json {
      let printed = Output.write(PolicySummary.json(result, notes: notes))
      return code == .success ? printed : code
    }
    switch result {
    case .loaded(let loaded):
      return Output.write(
        PolicySummary.lines(loaded.warnings) + PolicySummary.lines(notes: notes)
          + PolicySummary.table(loaded.policies))
    case .invalid(let diagnostics):
      _ = Output.write(PolicySummary.lines(diagnostics))
    case .unreadable, .changed:
      PolicyReading.complain(of: options.policies, result)
    }
    return code
  }
}
