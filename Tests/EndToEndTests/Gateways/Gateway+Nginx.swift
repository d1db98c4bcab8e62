// Gateway+Nginx.swift: Debian's nginx.

extension Gateway {
  static let nginx = Gateway(
    name: "nginx",
    // `-e` from the start: before it reads its file, nginx would write to a log that an ordinary user may not open.
    command: { ["nginx", "-e", "stderr", "-p", $0, "-c", "nginx.conf", "-g", "daemon off;"] },
    failOpen: [
      Edit(
        file: "weir.conf", line: "location @weir_unanswered {\n    return 403;",
        by: "location @weir_unanswered {\n    return 200;")
    ],
    unixSocket: [
      Edit(file: "weir-http.conf", line: "    server 127.0.0.1:7429;", by: "    server unix:/run/weir/weir.sock;")
    ],
    passesWeirsProblem: false)
}
