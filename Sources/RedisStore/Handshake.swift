// Handshake.swift: the greeting: who we are, which database, which scripts; and a first call that proves that all of it
// works. A pure state machine: replies in, actions out.
//
// Everything travels in one write, so that a connection is ready one round trip after it was made. The replies come in
// order, and the first that is an error ends the greeting: what follows it is a consequence. The name that we give
// ourselves is for people only (CLIENT LIST); a server that refuses it is a server all the same.
//
// The last command is the trial: a call that writes, so that a replica says READONLY and a full Redis says OOM before
// any check has asked.

/// The greeting of one connection.
struct Handshake: ~Copyable {
  enum Action: Equatable {
    /// More replies are to come.
    case wait
    /// That was the trial's reply: the connection is ready.
    case ready
    /// Close the connection.
    case failed(LinkFailure)
  }

  private enum Step: Equatable {
    case login
    case database
    case name
    case role
    case script
    case trial
  }

  /// What is to be sent. Holds the password.
  private(set) var request: [UInt8] = []
  private var steps: [Step] = []
  private var next = 0
  private let hasPassword: Bool
  /// How the name was refused, if it was.
  private var nameRefusal: LinkFailure?

  /// - Parameters:
  ///   - checksRole: Whether the server has to be a master by its own words: its address is hearsay.
  ///   - password: From the target or from its file; nil where there is none.
  ///   - scripts: The texts of all scripts to be called.
  ///   - trial: The bytes of one command.
  init(target: RedisTarget, checksRole: Bool = false, password: [UInt8]?, scripts: [[UInt8]], trial: [UInt8]) {
    hasPassword = password != nil
    if let user = target.user {
      add(.login, [Array("AUTH".utf8), Array(user.utf8), password ?? []])
    } else if let password {
      add(.login, [Array("AUTH".utf8), password])
    }
    if target.database != 0 { add(.database, [Array("SELECT".utf8), Array(String(target.database).utf8)]) }
    add(.name, [Array("CLIENT".utf8), Array("SETNAME".utf8), Array("weir".utf8)])
    if checksRole { add(.role, [Array("ROLE".utf8)]) }
    for script in scripts { add(.script, [Array("SCRIPT".utf8), Array("LOAD".utf8), script]) }
    request += trial
    steps.append(.trial)
  }

  private mutating func add(_ step: Step, _ command: [[UInt8]]) {
    request += RedisCommand.bytes(command)
    steps.append(step)
  }

  /// The same once the request is on its way: the copy here, with the password in it, is no longer needed.
  consuming func sent() -> Handshake {
    request = []
    return self
  }

  /// Takes the reply to the next command.
  mutating func received(_ reply: Reply) -> Action {
    guard next < steps.count else {
      return .failed(LinkFailure(.protocolError, "a reply to nothing that was asked"))
    }
    let step = steps[next]
    next += 1
    guard reply.isError else { return step == .role ? role(reply) : step == .trial ? .ready : .wait }
    let error = reply.withBytes { ErrorReply($0) }
    guard step != .name else {
      let refusal = LinkFailure(failure(error, at: step), detail(error, at: step))
      // Before a login Redis takes no text above 16 KiB, which a script may be: its protocol error would hide this.
      guard error.word != "NOAUTH" else { return .failed(refusal) }
      nameRefusal = refusal
      return .wait
    }
    return .failed(LinkFailure(failure(error, at: step), detail(error, at: step)))
  }

  /// Whether it is a master.
  private func role(_ reply: Reply) -> Action {
    var words: [String] = []
    reply.visitElements { if words.isEmpty { words.append($0.quoted()) } }
    guard words != ["master"] else { return .wait }
    guard let word = words.first else {
      return .failed(LinkFailure(.protocolError, "what it says of its role makes no sense; is it a Redis?"))
    }
    return .failed(LinkFailure(.readOnly, "its role is \(word), not master; weir asks again where the master is"))
  }

  /// The connection ended before the last reply: why.
  ///
  /// A server without room for another client, or in protected mode, says so at once and closes, which looks like the
  /// answer to whatever was asked first.
  ///
  /// - Parameters:
  ///   - text: How it ended.
  ///   - isPlain: Without TLS.
  borrowing func interrupted(_ text: String, isPlain: Bool) -> LinkFailure {
    if let nameRefusal { return nameRefusal }
    let advice = next == 0 && isPlain ? "; if it speaks TLS there, use rediss://" : ""
    return LinkFailure(.disconnected, "\(text) during the greeting\(advice)")
  }

  private func failure(_ error: ErrorReply, at step: Step) -> RedisFailure {
    switch step {
    // While it loads, Redis refuses most commands; other refusals of a login are about the login, whatever they say.
    case .login: error.failure == .loading ? .loading : .auth
    case .database where error.holds("cluster mode"): .cluster
    default: error.failure
    }
  }

  private func detail(_ error: ErrorReply, at step: Step) -> String {
    let failure = failure(error, at: step)
    switch step {
    case .login:
      // No more of the reply than its first word: a server may repeat what it was sent.
      return failure == .loading
        ? "LOADING: \(failure.advice)" : "the login was refused (\(error.word)); \(failure.advice)"
    case .database where failure == .other:
      return "the database cannot be selected: \(error.text)"
    default:
      guard failure == .auth, !hasPassword, error.word == "NOAUTH" else { return "\(error.text); \(error.advice)" }
      return "Redis wants a password (NOAUTH); give one in --redis, or --redis-password-file"
    }
  }
}
