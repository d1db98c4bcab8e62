// HealthAnswer.swift: the question that `weir health` asks and what the answer means. Pure; HealthProbe.swift sends it.

/// What a server said to `GET /healthz`.
public enum HealthAnswer: Sendable, Equatable {
  case healthy
  /// Why not, as the end of a sentence.
  case unhealthy(String)

  /// Bytes of an answer that are read at most; what follows would not change its meaning.
  static let longest = 16_384

  /// The request, for a server at `address`.
  static func request(to address: ListenAddress) -> [UInt8] {
    let host = if case .tcp = address.place { address.text } else { "localhost" }
    return Array("GET /healthz HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n".utf8)
  }

  /// Reads all that a server sent until it closed.
  ///
  /// - Parameter bytes: An HTTP/1.x answer. Status 200 is healthy; else the reason is the status and the first line of
  ///   the body.
  init(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else {
      self = .unhealthy("closed the connection without an answer")
      return
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3, let status = Int(words[1]) else {
      self = .unhealthy("gave an answer that is not HTTP")
      return
    }
    guard status != 200 else {
      self = .healthy
      return
    }
    let body = lines.firstIndex(of: "").map { lines[($0 + 1)...] }?.first.map(String.init) ?? ""
    let reason = body.split(separator: "\n").first.map { ": " + UsageError.quote(String($0)) } ?? ""
    self = .unhealthy("answered \(status)\(reason)")
  }
}
