// Gateway+HAProxy.swift: Debian's HAProxy, with its Lua.

extension Gateway {
  static let haproxy = Gateway(
    name: "haproxy",
    // Without SO_REUSEPORT, with which two of them could share a port that both were told is free.
    command: { ["haproxy", "-dR", "-C", $0, "-f", "haproxy.cfg"] },
    failOpen: [
      Edit(
        file: "haproxy.cfg", line: "unless { var(txn.weir) -m str allowed }",
        by: "unless { var(txn.weir) -m str allowed unanswered }")
    ],
    unixSocket: [
      Edit(
        file: "haproxy.cfg", line: "    server weir 127.0.0.1:7429", by: "    server weir unix@/run/weir/weir.sock")
    ],
    refusesManyHeaders: 400,
    refusesLargeHeaders: 400)
}
