// StartFiles.swift: the files that options name and that must be there at the start; later they are read anew, the token
// at every call, the others at every connection to Redis.
//
// They are regular files, or links to one. A pipe would hold the start for as long as nobody writes to it, and give what
// it has only once.

import Glibc
import RedisStore

enum StartFiles {
  /// - Throws: Which option's file is missing, unreadable, or none of those that can be read again and again.
  static func check(_ options: ServeOptions) throws(StartFailure) {
    let target = options.redis?.target(passwordFile: options.redisPasswordFile)
    let files = [
      ("--admin-token-file", options.adminTokenFile), ("--redis-password-file", target?.passwordFile),
      ("--redis ?ca=", target?.tls?.authorities), ("--redis ?cert=", target?.tls?.certificate),
      ("--redis ?key=", target?.tls?.key), ("--redis ?sentinel_password_file=", options.redis?.sentinelPasswordFile),
    ]
    for case (let option, let path?) in files {
      guard let problem = problem(with: path) else { continue }
      throw StartFailure("weir: \(option) \(path): \(problem); give a file that weir may read\n")
    }
    if let path = options.adminTokenFile, AdminGuard.token(in: path) == nil {
      throw StartFailure(
        "weir: --admin-token-file \(path): its first line is no token; put one there, of 1 to \(Bounds.adminToken) "
          + "printable ASCII characters\n")
    }
  }

  private static func problem(with path: String) -> String? {
    var status = stat()
    guard unsafe stat(path, &status) == 0, unsafe access(path, R_OK) == 0 else {
      return unsafe String(cString: strerror(errno))
    }
    return isRegular(status) ? nil : "not a regular file"
  }

  static func isRegular(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFREG }
}
