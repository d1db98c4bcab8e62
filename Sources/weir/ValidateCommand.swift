// ValidateCommand.swift: `weir validate`: reads policies as the server would and prints what is wrong, or what is there.

import Sidecar

enum ValidateCommand {
  static func run(_ options: ValidateOptions) -> ExitCode {
    let report = Self.report(on: options)
    let printed = Output.write(report.answer)
    if !report.complaint.isEmpty { Output.writeError(report.complaint) }
    return report.code == .success ? printed : report.code
  }

  /// What is printed, and the exit code: success where the policies are valid, `policies` where they are not, failure
  /// where the path cannot be read.
  private struct Report {
    /// For stdout: the policies, or the diagnostics, in the form asked for.
    var answer = ""
    /// For stderr, with its line feeds.
    var complaint = ""
    var code = ExitCode.success
  }

  private static func report(on options: ValidateOptions) -> Report {
    Report(complaint: "weir: \(options.policies): this build reads no policies\n", code: .failure)
  }
}
