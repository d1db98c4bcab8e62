// UVError.swift: what the operating system or libuv refused to do, as a number that can be compared and shown.
//
// libuv's codes are negated errno values plus its own for name resolution and the end of a file. Only the number is
// kept; the texts are asked for when somebody shows them.

import CUV

/// A failed call of libuv or of the operating system.
public struct UVError: Error, Sendable, Hashable {
  /// libuv's code, below zero; `-errno` where the platform has such an errno.
  public let code: Int32

  public init(code: Int32) {
    self.code = code
  }

  /// From a positive `errno`.
  init(errno: Int32) {
    code = uv_translate_sys_error(errno)
  }

  /// The symbol, such as `EADDRINUSE`.
  public var name: String { unsafe text { unsafe uv_err_name_r(code, $0, $1) } }

  /// What it means in words, such as `address already in use`.
  public var message: String { unsafe text { unsafe uv_strerror_r(code, $0, $1) } }

  /// Whether it only says that the peer went away, which peers may do at any time: nothing to log.
  public var isPeerGone: Bool {
    self == .connectionReset || self == .brokenPipe || self == .notConnected || self == .aborted
  }

  public static let addressInUse = UVError(code: UV_EADDRINUSE.rawValue)
  public static let aborted = UVError(code: UV_ECONNABORTED.rawValue)
  public static let brokenPipe = UVError(code: UV_EPIPE.rawValue)
  public static let connectionRefused = UVError(code: UV_ECONNREFUSED.rawValue)
  public static let connectionReset = UVError(code: UV_ECONNRESET.rawValue)
  public static let endOfFile = UVError(code: UV_EOF.rawValue)
  public static let noSuchFile = UVError(code: UV_ENOENT.rawValue)
  public static let notConnected = UVError(code: UV_ENOTCONN.rawValue)
  public static let timedOut = UVError(code: UV_ETIMEDOUT.rawValue)
  public static let tooManyOpenFiles = UVError(code: UV_EMFILE.rawValue)

  private func text(_ fill: (UnsafeMutablePointer<CChar>, Int) -> UnsafeMutablePointer<CChar>?) -> String {
    // SAFETY: libuv writes at most 128 bytes into the buffer, with a NUL at their end.
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      unsafe buffer.initialize(repeating: 0)
      guard let base = buffer.baseAddress else { return "" }
      _ = unsafe fill(base, buffer.count)
      return unsafe String(cString: base)
    }
  }
}

extension UVError: CustomStringConvertible {
  public var description: String { "\(name): \(message)" }
}

/// Throws what a libuv call returned, if that is an error.
func check(_ result: Int32) throws(UVError) {
  if result < 0 { throw UVError(code: result) }
}
