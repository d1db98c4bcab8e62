// KeyNames.swift: what the counters of a policy set are called in Redis.

public import Policies

/// The names of one policy set's counters. Immutable, shared by all workers.
public final class KeyNames: Sendable {
  /// Names nothing: for a set without policies in Redis.
  public static let none = KeyNames([])

  public init(_ policies: [Policy]) {}
}
