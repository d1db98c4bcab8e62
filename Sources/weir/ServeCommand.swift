// ServeCommand.swift: `weir serve`.

import Sidecar

enum ServeCommand {
  static func run(_ options: ServeOptions) -> ExitCode {
    Output.complain("serve: this build holds no server")
    return .failure
  }
}
