// Gateway+Envoy.swift: Envoy from PyPI.

extension Gateway {
  static let envoy = Gateway(
    name: "envoy",
    command: { [tool("envoy"), "-c", "\($0)/envoy.yaml", "--log-level", "error", "--disable-hot-restart"] },
    failOpen: [Edit(file: "envoy.yaml", line: "failure_mode_allow: false", by: "failure_mode_allow: true")],
    unixSocket: [
      Edit(
        file: "envoy.yaml", line: "socket_address: { address: 127.0.0.1, port_value: 7429 }",
        by: "pipe: { path: /run/weir/weir.sock }")
    ],
    typesHead: false,
    refusedHeaders: ["Connection"],
    refusesManyHeaders: 431)
}
