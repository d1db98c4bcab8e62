// ServeCommand.swift: `weir serve`.

import Sidecar

enum ServeCommand {
  static func run(_ options: ServeOptions) -> ExitCode { Sidecar.serve(options) }
}
