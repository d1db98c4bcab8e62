// Certificates.swift: certificates for tests, made by the openssl command.

import TestKit

/// A directory with two authorities and what they have signed, as PEM files: `NAME.pem` and `NAME.key`.
struct Certificates {
  let directory: TemporaryDirectory

  /// `ca` signs `server` (redis.test, localhost, 127.0.0.1), `other` (elsewhere.test), `expired` and `client`;
  /// `stranger` is another authority, which signs `impostor` (a client).
  init() throws {
    directory = try TemporaryDirectory()
    try authority("ca")
    try authority("stranger")
    try sign("server", by: "ca", names: "DNS:redis.test,DNS:localhost,IP:127.0.0.1")
    try sign("other", by: "ca", names: "DNS:elsewhere.test")
    try sign("expired", by: "ca", names: "DNS:redis.test,IP:127.0.0.1", days: -1)
    try sign("client", by: "ca", names: "DNS:weir.test")
    try sign("impostor", by: "stranger", names: "DNS:weir.test")
    try run("pkey", "-in", file("client.key"), "-out", file("locked.key"), "-aes256", "-passout", "pass:secret")
    try directory.write("empty.pem", "nothing\n")
    try directory.write("both.pem", try directory.read("client.pem") + directory.read("client.key"))
  }

  func file(_ name: String) -> String { directory.file(name) }

  /// Options of a redis-server that speaks TLS on `port` only.
  func serverOptions(_ port: UInt16, certificate: String = "server", clients: Bool = false) -> [String] {
    [
      "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", file("\(certificate).pem"), "--tls-key-file",
      file("\(certificate).key"), "--tls-ca-cert-file", file("ca.pem"), "--tls-auth-clients", clients ? "yes" : "no",
    ]
  }

  private func authority(_ name: String) throws {
    try run(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
      file("\(name).key"), "-out", file("\(name).pem"), "-subj", "/CN=\(name)", "-days", "2")
  }

  private func sign(_ name: String, by authority: String, names: String, days: Int = 2) throws {
    try run(
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file("\(name).key"),
      "-out", file("\(name).csr"), "-subj", "/CN=\(name)")
    try directory.write("\(name).ext", "subjectAltName=\(names)\n")
    try run(
      "x509", "-req", "-in", file("\(name).csr"), "-CA", file("\(authority).pem"), "-CAkey", file("\(authority).key"),
      "-CAcreateserial", "-out", file("\(name).pem"), "-days", "\(days)", "-extfile", file("\(name).ext"))
  }

  private func run(_ arguments: String...) throws {
    let process = try ChildProcess(["openssl"] + arguments)
    guard try process.wait() == .exited(0) else {
      throw NeverHappened(description: "openssl \(arguments.joined(separator: " ")): \(process.standardError)")
    }
  }
}
