// Gateway+Traefik.swift: Traefik from PyPI.

import TestKit

extension Gateway {
  static let traefik = Gateway(
    name: "traefik",
    command: { ["sh", "-c", "cd \($0) && exec \(tool("traefik")) --configFile=traefik.yaml"] },
    isReady: { gateway in
      // It listens before it has read dynamic.yaml, and answers 404 until then. This head is just small enough for the
      // first entry point, and with what Traefik adds too large for the second, so that weir is not asked.
      let head = (1 << 20) + 4096 - 200
      return try HTTPClient(gateway).request("GET", "/", [("X-Api-Key", String(repeating: "a", count: head))]).status
        == 431
    },
    ownPorts: ["8001"],
    failOpen: [Edit(file: "dynamic.yaml", line: "\"500-599\": 503", by: "\"500-599\": 200")],
    showsHeadersOnSuccess: false,
    asksAgain: true,
    passesUnderscores: true)
}
