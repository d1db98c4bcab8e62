// Gateway+Nginx.swift: Debian's nginx.

extension Gateway {
  static let nginx = Gateway(
    name: "nginx",
    // `-e` from the start: before it reads its file, nginx would write to a log that an ordinary user may not open.
    command: { ["nginx", "-e", "stderr", "-p", $0, "-c", "nginx.conf", "-g", "daemon off;"] },
    failOpen: [
      Edit(
        file: "weir.conf", line: "    return 403; # fail closed", by: "    return 200; # fail open")
    ],
    unixSocket: [
      Edit(file: "weir-upstream.conf", line: "    server 127.0.0.1:7429;", by: "    server unix:/run/weir/weir.sock;")
    ],
    passesWeirsProblem: false,
    refusesLargeHeaders: 400)
}
