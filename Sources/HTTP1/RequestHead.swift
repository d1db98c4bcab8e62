// RequestHead.swift: what a request says before its body.

/// A parsed request line and headers. Ranges point into the bytes that were parsed.
public struct RequestHead: Sendable {
  /// A token, at least one byte; case counts.
  public internal(set) var method = ByteRange.empty
  /// As sent: origin, absolute, authority or asterisk form, or none of them. At least one byte, no space, no control.
  public internal(set) var target = ByteRange.empty
  /// 0 for HTTP/1.0, else 1: a higher minor version is served as 1.1 (RFC 9110 section 2.5).
  public internal(set) var minorVersion: UInt8 = 1
  /// In the order sent, repeated ones too.
  public internal(set) var headers: [Header] = []
  /// Bytes from the first one given to the parser to the end of the blank line: where a body begins.
  public internal(set) var headCount = 0
  public internal(set) var framing = Framing.none
  /// Whether the sender lets the connection be used again: by default in HTTP/1.1, on request in HTTP/1.0.
  public internal(set) var keepsAlive = true
  /// Whether the sender waits for a 100 before it sends the body. Never in HTTP/1.0 (RFC 9110 section 10.1.1).
  public internal(set) var expectsContinue = false
  /// The value of the one Host header; nil without one, which is accepted in HTTP/1.1 too.
  public internal(set) var host: ByteRange?

  /// How the end of the body is found (RFC 9112 section 6.3).
  public enum Framing: Sendable, Hashable {
    /// No body.
    case none
    /// This many bytes; 0 too where the sender said so.
    case length(Int)
    /// `ChunkedDecoder` finds it.
    case chunked
  }

  /// Forgets everything but the memory of an ordinary number of headers.
  mutating func reset() {
    var kept = headers
    headers = []
    if kept.capacity > HTTP1Bounds.headersKept { kept = [] }
    kept.removeAll(keepingCapacity: true)
    self = RequestHead()
    headers = kept
  }
}
