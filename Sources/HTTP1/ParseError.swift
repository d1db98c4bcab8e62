// ParseError.swift: what was wrong with a request, where, and which status says so. RFC 9112 names most of the reasons;
// each is one that two readers of the same bytes could understand differently, which is how requests are smuggled.

/// Why bytes are no request, or no chunked body. The connection cannot go on after one.
public struct ParseError: Error, Hashable {
  public var reason: Reason
  /// The offending byte, counted from the first byte given to the parser. For a header that is wrong as a whole, the
  /// first byte of its name.
  public var offset: Int

  public init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// The status to answer with: 400, 414, 431, 501 or 505.
  public var status: Int { reason.status }
  /// One line for people, without the sender's bytes in it.
  public var detail: StaticString { reason.detail }

  public enum Reason: UInt8, Sendable, CaseIterable {
    // The request line, RFC 9112 section 3.
    case notARequest, tooManyEmptyLines, invalidMethod, emptyTarget, invalidTarget, targetTooLong
    case malformedVersion, unsupportedVersion
    // Lines, RFC 9112 sections 2.2 and 5.
    case bareLF, bareCR, nul, obsoleteFolding, emptyHeaderName, invalidHeaderName, spaceBeforeColon, missingColon
    case headTooLarge
    // Framing, RFC 9112 section 6.
    case repeatedHost, invalidContentLength, repeatedContentLength, contentLengthAndTransferEncoding
    case transferEncodingInHTTP10, invalidTransferEncoding, unsupportedTransferCoding
    // Chunked bodies, RFC 9112 section 7.1.
    case invalidChunkSize, chunkSizeTooLarge, chunkLineTooLong, invalidChunkExtension, missingChunkEnd
    case trailersTooLarge

    public var status: Int {
      switch self {
      case .targetTooLong: 414
      case .headTooLarge, .trailersTooLarge: 431
      case .unsupportedTransferCoding: 501
      case .unsupportedVersion: 505
      default: 400
      }
    }

    public var detail: StaticString {
      switch self {
      case .notARequest: "the first byte cannot begin a method; this port speaks plain HTTP/1.1"
      case .tooManyEmptyLines: "too many empty lines before the request line"
      case .invalidMethod: "the method holds a byte that is not allowed in a token"
      case .emptyTarget: "the request target is empty; exactly one space separates it from the method"
      case .invalidTarget: "the request target holds a control character"
      case .targetTooLong: "the request target is longer than 16384 bytes"
      case .malformedVersion: "the request line must end in a space and HTTP/1.1 or HTTP/1.0"
      case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 are spoken here"
      case .bareLF: "a line must end in CR LF, not in LF alone"
      case .bareCR: "CR without LF"
      case .nul: "NUL in a header"
      case .obsoleteFolding: "a header line must not begin with white space (obsolete line folding)"
      case .emptyHeaderName: "a header without a name"
      case .invalidHeaderName: "a header name holds a byte that is not allowed in a token"
      case .spaceBeforeColon: "white space before the colon of a header"
      case .missingColon: "a header line without a colon"
      case .headTooLarge: "the request line and headers together are larger than 65536 bytes"
      case .repeatedHost: "more than one Host header"
      case .invalidContentLength: "Content-Length must be one decimal number"
      case .repeatedContentLength: "more than one Content-Length header"
      case .contentLengthAndTransferEncoding: "both Content-Length and Transfer-Encoding"
      case .transferEncodingInHTTP10: "Transfer-Encoding in an HTTP/1.0 request"
      case .invalidTransferEncoding: "Transfer-Encoding must end in chunked, once"
      case .unsupportedTransferCoding: "the only transfer coding understood here is chunked"
      case .invalidChunkSize: "a chunk size must be a hexadecimal number followed by CR LF or an extension"
      case .chunkSizeTooLarge: "a chunk size above 2^63 - 1"
      case .chunkLineTooLong: "the line of a chunk size, or all chunk extensions together, are too long"
      case .invalidChunkExtension: "a chunk extension holds a control character"
      case .missingChunkEnd: "the data of a chunk must be followed by CR LF"
      case .trailersTooLarge: "the trailer section is larger than 65536 bytes"
      }
    }
  }
}
