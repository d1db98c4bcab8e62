// CheckOutcome.swift: what all matching policies together say of one check.

/// The outcome of a check.
public enum CheckOutcome: Sendable, Equatable {
  case allowed
  case denied
  /// A policy that enforces and fails closed could not decide (`Answer.undecidedIndex`): whatever the others say, the
  /// gateway's own rule for an error applies.
  case undecided
}
