// MetricsFormat.swift: the two forms of the page of metrics, and which of them a request's Accept header prefers.
//
// As RFC 9110 section 12.5.1 has it: of the ranges that match a form the most specific one gives its quality, and the
// form with the higher quality wins. A tie goes to Prometheus' text, and so does a header that wants neither: people
// and curl send such, and a page helps them more than a refusal. Other parameters than `q` and `version` do not count;
// a comma inside quotes is not understood, since no such parameter is known here.

/// How metrics are written.
public enum MetricsFormat: Sendable, CaseIterable {
  /// Prometheus' text format 0.0.4.
  case prometheus
  /// OpenMetrics 1.0.0.
  case openMetrics

  public var contentType: StaticString {
    switch self {
    case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  private var type: String { self == .prometheus ? "text" : "application" }
  private var subtype: String { self == .prometheus ? "plain" : "openmetrics-text" }
  private var version: String { self == .prometheus ? "0.0.4" : "1.0.0" }

  /// The form that `accept` prefers.
  ///
  /// - Parameter accept: The header's lines, joined with commas; nil where it was not sent.
  public static func preferred(by accept: String?) -> MetricsFormat {
    guard let accept else { return .prometheus }
    let ranges = accept.split(separator: ",").compactMap { MediaRange($0) }
    return openMetrics.quality(ranges) > prometheus.quality(ranges) ? .openMetrics : .prometheus
  }

  /// In thousandths; 0 where nothing matches.
  private func quality(_ ranges: [MediaRange]) -> Int {
    var best = (specificity: -1, quality: 0)
    for range in ranges {
      guard let specificity = specificity(of: range), (specificity, range.quality) > best else { continue }
      best = (specificity, range.quality)
    }
    return best.quality
  }

  /// How closely a range names this form; nil where it does not.
  private func specificity(of range: MediaRange) -> Int? {
    if range.type == "*", range.subtype == "*" { return 0 }
    guard range.type == type else { return nil }
    if range.subtype == "*" { return 1 }
    guard range.subtype == subtype else { return nil }
    guard let wanted = range.version else { return 2 }
    return wanted == version ? 3 : nil
  }

  /// One media range of an Accept header.
  private struct MediaRange {
    var type: String
    var subtype: String
    var version: String?
    /// In thousandths.
    var quality = 1_000

    /// nil for what is no media range.
    init?(_ text: Substring) {
      let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
      let names = parts[0].lowercased().split(separator: "/", omittingEmptySubsequences: false)
      guard names.count == 2, !names[0].isEmpty, !names[1].isEmpty else { return nil }
      type = String(names[0])
      subtype = String(names[1])
      for part in parts.dropFirst() {
        let pair = part.split(separator: "=", maxSplits: 1)
        guard pair.count == 2 else { continue }
        let value = Self.unquoted(Self.trimmed(pair[1]))
        switch Self.trimmed(pair[0]).lowercased() {
        case "q":
          guard let given = Self.thousandths(value) else { return nil }
          quality = given
        case "version": version = value
        default: break
        }
      }
    }

    private static func trimmed(_ text: Substring) -> Substring {
      let text = text.drop { $0 == " " || $0 == "\t" }
      let blanks = text.reversed().prefix { $0 == " " || $0 == "\t" }.count
      return text.dropLast(blanks)
    }

    private static func unquoted(_ text: Substring) -> String {
      text.count >= 2 && text.first == "\"" && text.last == "\"" ? String(text.dropFirst().dropLast()) : String(text)
    }

    /// `0`, `1`, `0.75`, `1.000`: RFC 9110 section 12.4.2.
    private static func thousandths(_ text: String) -> Int? {
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      let digits = parts.count == 2 ? parts[1] : ""
      guard parts[0] == "0" || parts[0] == "1", digits.utf8.count <= 3,
        digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let fraction = Int(digits + String(repeating: "0", count: 3 - digits.utf8.count))
      else { return nil }
      let value = (parts[0] == "1" ? 1_000 : 0) + fraction
      return value <= 1_000 ? value : nil
    }
  }
}
