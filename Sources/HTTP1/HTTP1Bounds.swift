// HTTP1Bounds.swift: how much of each thing a peer may send.

public enum HTTP1Bounds {
  /// Bytes from the first byte of a request to the end of its blank line. Every offset within fits 16 bits, which
  /// `Header` relies on. The number of headers is bounded by this only: gateways forward what clients send.
  public static let head = 65_536
  /// Bytes of a request target.
  public static let target = 16_384
  /// Empty lines tolerated before a request line: some clients end a body with a line break too many.
  public static let emptyLines = 4
  /// Hex digits of a chunk size, which then always fits 64 bits.
  public static let chunkSizeDigits = 16
  /// Bytes of one chunk's size line, with its extensions.
  public static let chunkLine = 4_096
  /// Bytes of all chunk extensions of one body, which nobody needs and each reader must walk through.
  public static let chunkExtensions = 65_536
  /// Bytes of a trailer section.
  public static let trailers = 65_536
  /// Headers for which a parser keeps its memory from one request to the next; more are given back.
  static let headersKept = 128
  /// Bytes for which a response buffer keeps its memory; more are given back.
  static let responseKept = 1 << 20
}
