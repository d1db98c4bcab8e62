// PolicyFilesFuzz.swift: any bytes as a policy file, with and without a Redis.
//
// What must hold: of a file in JSON a slow reader makes the same policies; what is read is within the contract's ranges,
// and written out in full it reads as the same; each
// diagnostic stands at a place in the file; there are policies in force or errors, never both; line ends and a comment
// in front do not matter; reading again gives the same, from a file too.

import Glibc
import Limiting

@testable import Policies
@testable import PolicyFiles

enum PolicyFilesFuzz {
  static func check(_ input: [UInt8]) throws(Broken) {
    // With every other length there is a Redis.
    let options = PolicyParser.Options(redisIsGiven: input.count % 2 == 0)
    let result = parse(input, options)
    try checkDiagnostics(result, input)
    try checkAgain(result, input, options)
    try checkLoaded(result, input, options)
    guard result.isValid else { return }
    for policy in result.policies { try checkPolicy(policy, options) }
    try require(Set(result.policies.map(\.name)).count == result.policies.count, "a name twice")
    try checkJSON(result, input, options)
    try checkWritten(result, options)
    let set = PolicySet(result.policies, slots: result.policies.indices.map { UInt32($0) })
    try require(set.policies.count == result.policies.count, "a set of other policies")
  }

  /// What the loader calls the file that `checkLoaded` writes.
  private static let file = "/proc/self/fd/\(descriptor)"

  private static func parse(_ bytes: [UInt8], _ options: PolicyParser.Options) -> PolicyParser.Result {
    PolicyParser.parse([SourceFile(name: file, bytes: bytes)], options: options)
  }

  // MARK: Diagnostics

  private static func checkDiagnostics(_ result: PolicyParser.Result, _ input: [UInt8]) throws(Broken) {
    let lines = Lines(input)
    var last = (0, 0)
    for diagnostic in result.diagnostics {
      let place = "\(diagnostic.line):\(diagnostic.column)"
      try require(diagnostic.file == file && !diagnostic.message.isEmpty, "a diagnostic of no file, or without a word")
      try require(!diagnostic.text.unicodeScalars.contains { $0.value < 0x20 }, "a diagnostic of several lines")
      try require(ReferenceJSON(Array(diagnostic.json.utf8)) != nil, "a diagnostic whose JSON is none")
      if diagnostic.line == 0 {
        try require(diagnostic.message.hasSuffix("more not shown"), "a diagnostic without a place")
        continue
      }
      try require(lines.contain(diagnostic.line, diagnostic.column), "\(place) does not lie in the file")
      try require(last <= (diagnostic.line, diagnostic.column), "\(place) stands behind a later place")
      last = (diagnostic.line, diagnostic.column)
    }
    try require(result.diagnostics.count <= FileBounds.diagnostics + 1, "more diagnostics than are shown")
  }

  // MARK: Reading again

  private static func checkAgain(
    _ result: PolicyParser.Result, _ input: [UInt8], _ options: PolicyParser.Options
  ) throws(Broken) {
    let again = parse(input, options)
    try require(again.diagnostics == result.diagnostics, "read again, other diagnostics")
    try require(text(again) == text(result), "read again, other policies")
    guard String(validating: input, as: UTF8.self) != nil, !input.contains(13), input.first != 0xef else { return }
    let withReturns = parse(input.flatMap { $0 == 10 ? [13, 10] : [$0] }, options)
    try require(withReturns.diagnostics == result.diagnostics, "with CR LF, other diagnostics")
    try require(text(withReturns) == text(result), "with CR LF, other policies")
    let commented = parse(Array("# é\n".utf8) + input, options)
    try require(text(commented) == text(result), "behind a comment, other policies")
    try require(commented.diagnostics.count == result.diagnostics.count, "behind a comment, other diagnostics")
    for (moved, diagnostic) in zip(commented.diagnostics, result.diagnostics) where diagnostic.line > 1 {
      let isSame = moved.line == diagnostic.line + 1 && moved.column == diagnostic.column
      try require(isSame, "behind a comment, a diagnostic at another place")
    }
  }

  /// The policies, every member spelled out.
  private static func text(_ result: PolicyParser.Result) -> String {
    PolicyText(result.policies, domain: result.domains[0]).json
  }

  // MARK: From a file

  /// A file without a name, so that nothing is left behind; -1 where there is none to be had.
  private static let descriptor: Int32 = {
    var name = Array("/tmp/weir-fuzz-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&name)
    if descriptor >= 0 { unsafe unlink(name) }
    return descriptor
  }()

  private static func checkLoaded(
    _ result: PolicyParser.Result, _ input: [UInt8], _ options: PolicyParser.Options
  ) throws(Broken) {
    guard descriptor >= 0, ftruncate(descriptor, 0) == 0,
      unsafe pwrite(descriptor, input, input.count, 0) == input.count
    else { return }
    let errors = result.diagnostics.filter { $0.severity == .error }
    let loaded = PolicyLoader.load(path: file, options: options)
    let json = PolicySummary.json(loaded)
    try require(ReferenceJSON(Array(json.utf8)) != nil, "a summary that is no JSON: \(json)")
    switch loaded {
    case .loaded(let loaded):
      try require(errors.isEmpty, "policies in force, and errors")
      let found = PolicyText(loaded.policies, domain: loaded.files[0].domain).json
      try require(found == text(result), "from a file, other policies")
    case .invalid(let diagnostics):
      try require(!errors.isEmpty, "refused without an error")
      try require(diagnostics == result.diagnostics, "from a file, other diagnostics")
    case .unreadable(let problems): throw Broken("a file that cannot be read: \(problems)")
    case .changed: throw Broken("a file that changes by itself")
    }
  }

  // MARK: Ranges

  private static func checkPolicy(_ policy: Policy, _ options: PolicyParser.Options) throws(Broken) {
    let name = policy.name
    try require(isName(name) && isName(policy.domain), "\(name) is no name")
    try require(policy.source.file == file && policy.source.line > 0, "\(name): stands nowhere")
    try checkLimit(policy.limit, name)
    try require(policy.store == .memory || options.redisIsGiven, "\(name): in a Redis that is not given")
    switch policy.cost {
    case .fixed(let cost): try require((1...1_000_000).contains(cost), "\(name): a cost of \(cost)")
    case .attribute(_, let standard, let min, let max):
      try require(1 <= min && min <= standard && standard <= max && max <= 1_000_000, "\(name): costs out of order")
    }
    try require(Set(policy.key.map { Array($0.text.utf8) }).count == policy.key.count, "\(name): a key part twice")
    for case .capture(let capture) in policy.key {
      let isCaptured = policy.match.paths.allSatisfy { $0.captures.contains(capture) }
      try require(!policy.match.paths.isEmpty && isCaptured, "\(name): nothing captures \(capture)")
    }
    for override in policy.overrides {
      try require(!policy.key.isEmpty && override.key.count == policy.key.count, "\(name): an override of other keys")
      guard case .limit(let limit) = override.effect else { continue }
      try require(limit.algorithm == policy.limit.algorithm, "\(name): an override of another algorithm")
      try checkLimit(limit, name)
    }
    try require(policy.except?.isEmpty != true, "\(name): an exception that always holds")
  }

  private static func checkLimit(_ limit: Limit, _ name: String) throws(Broken) {
    let most: Int64 = limit.algorithm == .slidingLog ? 100_000 : 1_000_000_000
    try require((1...most).contains(limit.limit), "\(name): a limit of \(limit.limit)")
    let day: Int64 = 86_400_000_000_000
    try require((1_000_000...(366 * day)).contains(limit.period), "\(name): a period of \(limit.period)")
    try require((1...1_000_000_000).contains(limit.burst), "\(name): a burst of \(limit.burst)")
    try require(limit.algorithm == .tokenBucket || limit.burst == limit.limit, "\(name): a burst without a bucket")
    let again = try? DurationText.parse(DurationText.text(limit.period))
    try require(again == limit.period, "\(name): a period that is written as another")
  }

  private static func isName(_ name: String) -> Bool {
    let first = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    guard let byte = name.utf8.first, first.contains(byte) else { return false }
    return name.utf8.count <= 64 && name.utf8.allSatisfy { first.contains($0) || "._-".utf8.contains($0) }
  }

  // MARK: Read slowly

  /// A file in JSON says what a slow reader finds in it, and says the same in blocks.
  private static func checkJSON(
    _ result: PolicyParser.Result, _ input: [UInt8], _ options: PolicyParser.Options
  ) throws(Broken) {
    guard let written = WrittenPolicies(input, redisIsGiven: options.redisIsGiven) else { return }
    try written.requireSame(result.policies, domain: result.domains[0])
    guard written.asText.longestKey < 1_000 else { return }
    let blocks = parse(Array(("%YAML 1.1\n---" + written.asText.block()).utf8), options)
    try require(blocks.isValid, "in blocks, it is refused")
    try require(text(blocks) == text(result), "in blocks, it is read as other policies")
  }

  // MARK: Written out

  private static func checkWritten(_ result: PolicyParser.Result, _ options: PolicyParser.Options) throws(Broken) {
    let whole = PolicyText(result.policies, domain: result.domains[0])
    guard whole.longestKey < 1_000 else { return }
    for (style, text) in [("JSON", whole.json), ("blocks", "%YAML 1.1\n---" + whole.block())] {
      let again = parse(Array(text.utf8), options)
      let errors = again.diagnostics.filter { $0.severity == .error }.map(\.text)
      try require(errors.isEmpty, "written as \(style), it is refused: \(errors)")
      try require(self.text(again) == whole.json, "written as \(style), it is read as other policies")
    }
    try require(ReferenceJSON(Array(whole.json.utf8)) != nil, "the JSON that was read is none")
  }
}

/// How long the lines of a file are, in characters, as YAML counts them.
private struct Lines {
  private var lengths = [0]
  /// Where the bytes are no text, a place is where reading them stopped.
  private let isText: Bool

  init(_ bytes: [UInt8]) {
    var text = String(validating: bytes, as: UTF8.self)?.unicodeScalars.map(\.value)
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { text = nil }
    isText = text != nil
    var last: UInt32 = 0
    for scalar in text ?? bytes.map(UInt32.init) {
      switch scalar {
      case 10 where last == 13: break
      case 10, 13, 0x85, 0x2028, 0x2029: lengths.append(0)
      default: lengths[lengths.count - 1] += 1
      }
      last = scalar
    }
  }

  /// One place behind the last character is in the file too.
  func contain(_ line: Int, _ column: Int) -> Bool {
    guard line >= 1, column >= 1, line <= lengths.count + 1 else { return false }
    guard isText else { return true }
    return line <= lengths.count ? column <= lengths[line - 1] + 1 : column == 1
  }
}
