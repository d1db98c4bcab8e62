// Gateway+Traefik.swift: Traefik from PyPI.

extension Gateway {
  static let traefik = Gateway(
    name: "traefik",
    command: { ["sh", "-c", "cd \($0) && exec \(tool("traefik")) --configFile=traefik.yaml"] },
    ownPorts: ["8001"],
    failOpen: [Edit(file: "dynamic.yaml", line: "\"500-599\": 503", by: "\"500-599\": 200")],
    unixSocket: nil,
    showsHeadersOnSuccess: false,
    asksAgain: true)
}
