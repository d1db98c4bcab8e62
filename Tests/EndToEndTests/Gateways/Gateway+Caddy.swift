// Gateway+Caddy.swift: Caddy from PyPI.

extension Gateway {
  static let caddy = Gateway(
    name: "caddy",
    command: { [tool("caddy"), "run", "--adapter", "caddyfile", "--config", "\($0)/Caddyfile"] },
    failOpen: [
      Edit(
        file: "Caddyfile", line: "respond @undecided 503", by: "invoke @undecided service")
    ],
    unixSocket: [
      Edit(file: "Caddyfile", line: "reverse_proxy 127.0.0.1:7429 {", by: "reverse_proxy unix//run/weir/weir.sock {")
    ],
    asksAgain: true,
    refusesLargeHeaders: 431)
}
