// HealthCommand.swift: `weir health`, for the health checks of containers: exit code 0 or 1, the reason on stderr.

import Glibc
import Sidecar

enum HealthCommand {
  /// Nanoseconds that connecting and asking may take together.
  private static let timeout: Int64 = 2_000_000_000

  static func run(_ options: HealthOptions) -> ExitCode {
    // The resolver has time-outs of its own and takes none from us. Where it takes too long, the alarm ends the process.
    _ = signal(SIGALRM) { _ in
      let reason: StaticString = "weir: no answer within 3 s\n"
      // SAFETY: a static string lives for ever; write and _exit may be called in a signal handler.
      _ = unsafe write(STDERR_FILENO, reason.utf8Start, reason.utf8CodeUnitCount)
      _exit(ExitCode.failure.rawValue)
    }
    alarm(3)
    guard case .unhealthy(let reason) = HealthProbe.ask(options.address, timeout: timeout) else { return .success }
    Output.complain("\(options.address.text): \(reason)")
    return .failure
  }
}
