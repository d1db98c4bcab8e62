// ErrorAnswer.swift: every answer that is no decision: problems (RFC 9457) and the health pages.

public import HTTP1

public enum ErrorAnswer {
  /// Writes a problem of type `about:blank`.
  public static func write(_ refusal: Refusal, isHead: Bool, after: Afterwards, to out: inout ResponseBuffer) {
    writeHead(refusal.status, type: "application/problem+json", after: after, to: &out)
    if let allow = refusal.allow {
      out.append("Allow: ")
      out.append(allow)
      out.append("\r\n")
    }
    if refusal.status == 401 { out.append("WWW-Authenticate: Bearer\r\n") }
    if refusal.status == 503 { out.append("Retry-After: 1\r\n") }
    finish(isHead: isHead, to: &out) { out in
      out.append("{\"type\":\"about:blank\",\"title\":\"")
      out.append(StatusText.reason(for: refusal.status))
      out.append("\",\"status\":")
      out.append(decimal: Int64(refusal.status))
      out.append(",\"detail\":")
      out.append(jsonString: refusal.detail)
      out.append("}")
    }
  }

  /// Writes a page of plain content.
  ///
  /// - Parameter headers: Complete lines, each with its end, besides those that every page has.
  public static func write(
    status: Int, type: StaticString, headers: StaticString = "", body: Span<UInt8>, isHead: Bool, after: Afterwards,
    to out: inout ResponseBuffer
  ) {
    writeHead(status, type: type, after: after, to: &out)
    out.append(headers)
    out.append("Content-Length: ")
    out.append(decimal: Int64(body.count))
    out.append("\r\n\r\n")
    if !isHead { out.append(body) }
  }

  /// The interim answer to `Expect: 100-continue` (RFC 9110 section 15.2.1).
  public static func writeContinue(to out: inout ResponseBuffer) {
    out.append("HTTP/1.1 100 Continue\r\n\r\n")
  }

  private static func writeHead(
    _ status: Int, type: StaticString, after: Afterwards, to out: inout ResponseBuffer
  ) {
    out.append("HTTP/1.1 ")
    out.append(decimal: Int64(status))
    out.append(byte: 0x20)
    out.append(StatusText.reason(for: status))
    out.append("\r\nContent-Type: ")
    out.append(type)
    out.append("\r\nCache-Control: no-store\r\n")
    switch after {
    case .keep: break
    case .keepHTTP10: out.append("Connection: keep-alive\r\n")
    case .close: out.append("Connection: close\r\n")
    }
  }

  private static func finish(
    isHead: Bool, to out: inout ResponseBuffer, _ writeBody: (inout ResponseBuffer) -> Void
  ) {
    out.append("Content-Length: ")
    let gap = out.openGap()
    out.append("\r\n\r\n")
    let start = out.count
    writeBody(&out)
    let length = out.count - start
    if isHead { out.removeLast(length) }
    out.close(gap, with: length)
  }
}
