// StartFilesTests.swift: the files that must be there at the start, and what is said of each that is not.

import Glibc
import TestKit
import Testing

@testable import Sidecar

@Suite struct StartFilesTests {
  private static func complaint(_ options: ServeOptions) -> String? {
    do throws(StartFailure) {
      try StartFiles.check(options)
      return nil
    } catch {
      return error.message
    }
  }

  /// Options that name `path`, each in its own way, and what stands before it in a complaint.
  private static func options(_ path: String) throws -> [(option: String, options: ServeOptions)] {
    var token = ServeOptions()
    token.adminTokenFile = path
    var password = ServeOptions()
    password.redis = try RedisURL("redis://h")
    password.redisPasswordFile = path
    var found = [("--admin-token-file", token), ("--redis-password-file", password)]
    for name in ["ca", "cert", "key"] {
      var options = ServeOptions()
      // A key wants a certificate beside it: any regular file.
      let rest = name == "key" ? "&cert=/bin/sh" : ""
      options.redis = try RedisURL("rediss://h?\(name)=\(path)\(rest)")
      found.append(("--redis ?\(name)=", options))
    }
    return found
  }

  @Test("a file that is missing, a folder and a pipe are refused by option and path, and a pipe holds nobody up")
  func wrong() throws {
    let directory = try TemporaryDirectory()
    #expect(unsafe mkfifo(directory.file("pipe"), 0o600) == 0)
    for (path, reason) in [
      (directory.file("none"), "No such file or directory"), (directory.path, "not a regular file"),
      (directory.file("pipe"), "not a regular file"), ("/dev/null", "not a regular file"),
    ] {
      for (option, options) in try Self.options(path) {
        #expect(
          Self.complaint(options) == "weir: \(option) \(path): \(reason); give a file that weir may read\n", "\(path)")
      }
    }
  }

  @Test("regular files, and links to them, are fine; a token file needs a token, the others may hold anything")
  func right() throws {
    let directory = try TemporaryDirectory()
    try directory.write("token", "s3cret\n")
    try directory.link("link", to: directory.file("token"))
    for path in [directory.file("token"), directory.file("link")] {
      for (option, options) in try Self.options(path) { #expect(Self.complaint(options) == nil, "\(option)") }
    }
    try directory.write("empty", "")
    for (option, options) in try Self.options(directory.file("empty")) {
      let complaint = Self.complaint(options)
      if option == "--admin-token-file" {
        #expect(complaint?.contains("its first line is no token") == true)
      } else {
        #expect(complaint == nil, "\(option)")
      }
    }
    #expect(Self.complaint(ServeOptions()) == nil)
  }
}
