// StandardDescriptors.swift: keeps descriptors 0 to 2 from becoming something else.
//
// Whoever starts weir may have closed them. The next file or socket that is opened then gets their numbers: log lines
// would go into it, and libuv, which takes these three for the terminal's, ends the process when it is to close one.

import Glibc

/// The process's standard input, output and error.
public enum StandardDescriptors {
  /// Opens /dev/null for each of the three that is not open. To be called before anything else is opened; where there is
  /// no /dev/null, all stays as it was.
  public static func fill() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
      // It gets the lowest free number, which is this one. Standard output cannot be written to: an answer that nobody
      // gets is an error, as it is where the descriptor stays closed. Log lines may vanish.
      _ = unsafe open("/dev/null", descriptor == STDOUT_FILENO ? O_RDONLY : O_RDWR)
    }
  }
}
