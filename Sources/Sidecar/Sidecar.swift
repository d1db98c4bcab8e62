// Sidecar.swift: `weir serve`: puts the rooms together, runs, and takes them apart again.
//
// The main thread has a loop of its own: signals, policy files, the admin and metrics listeners, clocks and sweeps. The
// data plane runs in workers. Everything that can prevent the start is tried before the first thread starts.

import CheckAPI
import EventLoop
import Limiting
import Policies
import PolicyFiles
import Stores
import Telemetry

public enum Sidecar {
  /// Serves until a signal ends it.
  ///
  /// - Returns: `.success` after a drain; `.policies` where the policies are wrong at the start; `.failure` where
  ///   anything else prevents the start. What went wrong is on standard error.
  public static func serve(_ options: ServeOptions) -> ExitCode {
    StartSignals.prepare()
    do throws(StartFailure) {
      let process = try SidecarProcess(options)
      try process.run()
      return .success
    } catch {
      StandardError.write(error.message)
      return error.code
    }
  }
}

/// Why `weir serve` could not start: what to print, and the exit code.
struct StartFailure: Error {
  var message: String
  var code: ExitCode

  init(_ message: String, code: ExitCode = .failure) {
    self.message = message
    self.code = code
  }
}
