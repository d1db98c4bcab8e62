// HTTPResponse.swift: one HTTP/1 answer, taken apart, and the reader that takes it apart (RFC 9112). Strict where a
// gateway would be: what does not parse is a failure of the server under test.

/// An answer as it came over the wire.
public struct HTTPResponse: Sendable {
  /// `HTTP/1.1` or `HTTP/1.0`.
  public var version: String
  public var status: Int
  public var reason: String
  /// In order, names as sent.
  public var headers: [(name: String, value: String)]
  /// Without its framing.
  public var body: [UInt8]
  /// Bytes of the head, with its blank line.
  public var headCount: Int

  /// The value of the first header of this name; any case.
  public subscript(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  /// The header's value as a whole number.
  public func int(_ name: String) -> Int? { self[name].flatMap { Int($0) } }

  public func count(of name: String) -> Int {
    headers.count { $0.name.lowercased() == name.lowercased() }
  }

  public var text: String { String(decoding: body, as: UTF8.self) }
  public var json: JSON? { JSON(text) }

  /// `Connection: close`, or HTTP/1.0 without keep-alive.
  public var closes: Bool {
    let connection = self["Connection"]?.lowercased()
    return connection == "close" || (version == "HTTP/1.0" && connection != "keep-alive")
  }
}

/// An answer that is none.
public struct MalformedResponse: Error, CustomStringConvertible {
  public var description: String

  public init(description: String) { self.description = description }
}

/// Reads answers out of bytes that may hold several, or a part of one.
struct HTTPResponseReader {
  var bytes: [UInt8] = []

  /// Takes the first answer out of `bytes`; nil while it is incomplete.
  ///
  /// - Parameters:
  ///   - toHead: It answers a HEAD request, so has no body whatever its headers say.
  ///   - atEnd: No more bytes will come: a body without a length ends here.
  mutating func next(toHead: Bool, atEnd: Bool) throws -> HTTPResponse? {
    guard let headEnd = find([13, 10, 13, 10], from: 0) else { return nil }
    var response = try Self.parseHead(String(decoding: bytes[..<headEnd], as: UTF8.self))
    response.headCount = headEnd + 4
    let start = headEnd + 4
    let hasNoBody = toHead || response.status / 100 == 1 || response.status == 204 || response.status == 304
    var end = start
    if hasNoBody {
    } else if response["Transfer-Encoding"]?.lowercased() == "chunked" {
      guard let (body, after) = try parseChunks(from: start) else { return nil }
      response.body = body
      end = after
    } else if let length = response["Content-Length"] {
      guard let count = Int(length), count >= 0 else {
        throw MalformedResponse(description: "Content-Length: \(length)")
      }
      guard bytes.count - start >= count else { return nil }
      end = start + count
      response.body = Array(bytes[start..<end])
    } else {
      guard atEnd else { return nil }
      end = bytes.count
      response.body = Array(bytes[start...])
    }
    bytes.removeSubrange(..<end)
    return response
  }

  private static func parseHead(_ text: String) throws -> HTTPResponse {
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    let parts = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", let status = Int(parts[1]),
      (100...599).contains(status)
    else { throw MalformedResponse(description: "status line \"\(lines[0])\"") }
    let headers = try lines.dropFirst().map { line in
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, !line[..<colon].contains(" ") else {
        throw MalformedResponse(description: "header line \"\(line)\"")
      }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      return (name: String(line[..<colon]), value: String(value))
    }
    return HTTPResponse(
      version: String(parts[0]), status: status, reason: String(parts[2]), headers: headers, body: [], headCount: 0)
  }

  private func parseChunks(from start: Int) throws -> (body: [UInt8], after: Int)? {
    var body: [UInt8] = []
    var position = start
    while true {
      guard let lineEnd = find([13, 10], from: position) else { return nil }
      let line = String(decoding: bytes[position..<lineEnd], as: UTF8.self)
      guard let count = Int(line.prefix { $0 != ";" }, radix: 16), count >= 0 else {
        throw MalformedResponse(description: "chunk size \"\(line)\"")
      }
      let dataEnd = lineEnd + 2 + count
      guard bytes.count >= dataEnd + 2 else { return nil }
      body += bytes[(lineEnd + 2)..<dataEnd]
      position = dataEnd + 2
      if count == 0 { return (body, position) }
    }
  }

  private func find(_ needle: [UInt8], from start: Int) -> Int? {
    guard bytes.count >= start + needle.count else { return nil }
    var index = start
    while index <= bytes.count - needle.count {
      if bytes[index] == needle[0], bytes[index..<(index + needle.count)].elementsEqual(needle) { return index }
      index += 1
    }
    return nil
  }
}
