// main.swift: the command line. What the words mean is decided in Sidecar's Command; here it is done.

import Glibc
import Sidecar

/// Runs the command that the arguments ask for.
func run(_ arguments: [String]) -> ExitCode {
  do throws(UsageError) {
    switch try Command.parse(arguments: arguments, environment: environment(of: Command.variables)) {
    case .serve(let options): return ServeCommand.run(options)
    case .validate(let options): return ValidateCommand.run(options)
    case .explain(let options): return try ExplainCommand.run(options)
    case .health(let options): return HealthCommand.run(options)
    case .version: return Output.write("weir \(Version.text)\n")
    case .help(let page): return Output.write(page)
    }
  } catch {
    Output.complain(error.message)
    if arguments.isEmpty { Output.writeError(HelpText.overview) }
    return .usage
  }
}

/// The variables among `names` that are set.
func environment(of names: [String]) -> [String: String] {
  var values: [String: String] = [:]
  for name in names {
    // SAFETY: no thread changes the environment; the text is copied at once.
    if let value = unsafe getenv(name) { values[name] = unsafe String(cString: value) }
  }
  return values
}

StandardDescriptors.fill()
exit(run(Array(CommandLine.arguments.dropFirst())).rawValue)
