// Signal.swift: the signals that a service answers to, under portable names.

/// A signal that a `SignalSource` can wait for.
public enum Signal: Sendable, Hashable, CaseIterable {
  case hangup, interrupt, quit, terminate, user1, user2

  /// The platform's number for it, as `kill` takes it.
  public var number: Int32 { Platform.number(of: self) }

  /// `SIGHUP` and so on.
  public var name: String {
    switch self {
    case .hangup: "SIGHUP"
    case .interrupt: "SIGINT"
    case .quit: "SIGQUIT"
    case .terminate: "SIGTERM"
    case .user1: "SIGUSR1"
    case .user2: "SIGUSR2"
    }
  }

  init?(number: Int32) {
    guard let signal = Self.allCases.first(where: { $0.number == number }) else { return nil }
    self = signal
  }
}
