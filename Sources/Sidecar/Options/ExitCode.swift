// ExitCode.swift: what a command tells the shell. 64 and 65 are those of BSD's sysexits.h.

/// The exit code of a command.
public enum ExitCode: Int32, Sendable, CaseIterable {
  /// Done as asked.
  case success = 0
  /// Could not do it; stderr says why. Of `weir health`: not healthy.
  case failure = 1
  /// The command line or an environment variable is wrong.
  case usage = 64
  /// The policies are wrong.
  case policies = 65
}
