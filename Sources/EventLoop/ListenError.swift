// ListenError.swift: why an address cannot be listened on, for the operator who has to do something about it.

/// A socket that could not be opened.
public struct ListenError: Error, Sendable, Equatable {
  /// The address, in the form that the parser reads.
  public let address: String
  /// What was wrong, in a few words.
  public let problem: String
  /// What the system said, if it was the system.
  public let cause: UVError?
  /// What to do about it.
  public let advice: String
}

extension ListenError: CustomStringConvertible {
  /// One line, such as `cannot listen on 127.0.0.1:7429: bind: address already in use (EADDRINUSE); stop …`.
  public var description: String {
    let reason = cause.map { ": \($0.message) (\($0.name))" } ?? ""
    return "cannot listen on \(address): \(problem)\(reason); \(advice)"
  }
}

extension ListenError {
  /// A system call for `address` that failed.
  init(_ call: String, _ address: SocketAddress, _ cause: UVError) {
    self.init(address: address.description, problem: call, cause: cause, advice: Self.advice(for: cause, at: address))
  }

  private static func advice(for cause: UVError, at address: SocketAddress) -> String {
    switch (cause.name, address) {
    case ("EADDRINUSE", .unix(let path)): return "stop the process that uses \(path) or choose another path"
    case ("EADDRINUSE", _): return "stop the process that listens there or choose another port"
    case ("EADDRNOTAVAIL", _): return "choose an address of this machine, or :port for all of them"
    case ("EAFNOSUPPORT", _): return "this machine has no such addresses; choose one of the other IP version"
    case ("EACCES", .unix(let path)): return "let this user write to the directory of \(path) or choose another path"
    case ("EACCES", _): return "choose a port above 1023 or let this process bind low ones (CAP_NET_BIND_SERVICE)"
    case ("EPERM", .unix): return "run as a member of that group, or choose another"
    case ("ENOENT", .unix(let path)): return "create the directory of \(path)"
    case ("EMFILE", _), ("ENFILE", _): return "raise the limit on open files (ulimit -n)"
    default: return "choose another address"
    }
  }
}
