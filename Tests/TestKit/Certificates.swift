// Certificates.swift: the papers of a TLS server and its clients, made by the `openssl` command for one test.

import Foundation

/// Two authorities that know nothing of each other, and what the first has signed. All are paths of PEM files.
public final class Certificates: Sendable {
  private let directory: TemporaryDirectory

  public var authority: String { directory.file("ca.pem") }
  /// One that has signed nothing here.
  public var strangerAuthority: String { directory.file("stranger.pem") }
  /// For 127.0.0.1 and localhost.
  public var server: String { directory.file("server.pem") }
  public var serverKey: String { directory.file("server.key") }
  public var client: String { directory.file("client.pem") }
  public var clientKey: String { directory.file("client.key") }

  /// - Parameter names: For whom the server's certificate is, as a subjectAltName says it.
  public init(names: String = "IP:127.0.0.1,DNS:localhost") throws {
    directory = try TemporaryDirectory()
    try makeAuthority("ca")
    try makeAuthority("stranger")
    try sign("server", "subjectAltName=\(names)")
    try sign("client", "extendedKeyUsage=clientAuth")
  }

  private static let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

  private func makeAuthority(_ name: String) throws {
    try openssl(
      ["req", "-x509", "-days", "2", "-subj", "/CN=test \(name)", "-addext", "basicConstraints=critical,CA:TRUE"]
        + Self.key + ["-keyout", directory.file("\(name).key"), "-out", directory.file("\(name).pem")])
  }

  private func sign(_ name: String, _ extensions: String) throws {
    try directory.write("\(name).ext", extensions + "\n")
    let request = directory.file("\(name).csr")
    try openssl(
      ["req", "-new", "-subj", "/CN=test \(name)"] + Self.key
        + ["-keyout", directory.file("\(name).key"), "-out", request])
    try openssl([
      "x509", "-req", "-days", "2", "-in", request, "-CA", authority, "-CAkey", directory.file("ca.key"),
      "-CAcreateserial", "-extfile", directory.file("\(name).ext"), "-out", directory.file("\(name).pem"),
    ])
  }

  private func openssl(_ arguments: [String]) throws {
    let process = try ChildProcess(["openssl"] + arguments)
    guard try process.wait(within: 60) == .exited(0) else {
      throw WeirProcess.StartFailure(description: "openssl \(arguments[0]): \(process.standardError)")
    }
  }
}
