// StreamHandler.swift: what a stream tells. One object a connection, so that an event needs no look-up.

/// The other half of a stream: what to do about its events. Called on the loop's thread only, never from inside a call
/// that it made itself, so a handler may do anything with its stream at any time, closing it included.
///
/// A stream keeps its handler until `closed`, so nobody else has to remember it.
public protocol StreamHandler: AnyObject {
  /// A stream made by `Stream.connect` is open. Not called for accepted ones.
  func connected(_ stream: Stream)

  /// Bytes have come, or ones that were left earlier are offered again after `resumeReading` or `offerAgain`.
  ///
  /// - Parameter bytes: What earlier calls left, followed by what is new; never empty, at most `maximumInput` bytes
  ///   where anything is left. Valid until this returns.
  /// - Returns: How many of them are dealt with, 0 to `bytes.count`. The rest comes again with the next bytes. A
  ///   stream whose rest has reached `maximumInput` is paused.
  func received(_ stream: Stream, bytes: Span<UInt8>) -> Int

  /// The peer will send no more; it may still read. Whatever was left stays available through `offerAgain`.
  /// Nothing closes the stream by itself.
  func ended(_ stream: Stream)

  /// Output that had to wait has all been given to the system.
  func drained(_ stream: Stream)

  /// The stream is gone: the last call, exactly once whatever the reason.
  ///
  /// - Parameter error: Why, or nil where `close` was called on a sound stream. That a peer went away
  ///   (`error.isPeerGone`) is nothing to log.
  func closed(_ stream: Stream, error: UVError?)
}

extension StreamHandler {
  public func connected(_ stream: Stream) {}
  public func drained(_ stream: Stream) {}
}
