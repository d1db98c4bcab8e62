// TurnEndHandler.swift: for those who collect work over a turn of the loop and do it in one go at its end.

/// Something that a loop calls at the end of a turn in which it asked for it.
public protocol TurnEndHandler: AnyObject {
  /// Called once, after all events of the turn and before the loop waits again. Asking anew from here means the end of
  /// the next turn, which then starts without waiting.
  func turnEnded()
}
