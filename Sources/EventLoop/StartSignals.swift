// StartSignals.swift: what signals do from the first line of a service until a SignalSource waits for them.
//
// Without this a service that is process 1, as in a container, could not be stopped while it starts: the kernel drops
// every signal for which process 1 has no handler. And one that is told to reload while it starts would end.

/// Signals of a service that is still starting.
public enum StartSignals {
  /// From now on SIGTERM and SIGINT end the process at once with exit code 0, and SIGHUP does nothing, until a
  /// `SignalSource` waits for them. Children end without leaving a zombie, for good: process 1 inherits those whose
  /// parents have gone, and waits for none.
  public static func prepare() {
    Platform.endAtOnce(on: [.terminate, .interrupt])
    Platform.ignore([.hangup])
    Platform.forgetChildren()
  }
}
