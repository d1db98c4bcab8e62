// PolicyParser.swift: the texts of policy files to policies, or to everything that is wrong with them. Pure: it opens
// no file, so `PolicyLoader`, tests and tools share it.

public import Policies

/// A policy file that was read.
public struct SourceFile: Sendable {
  /// The path as the user named it: diagnostics begin with it.
  public var name: String
  public var bytes: [UInt8]

  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

public enum PolicyParser {
  public struct Options: Sendable {
    /// Whether this weir has a Redis: then it is the default store; else `store: redis` is an error.
    public var redisIsGiven: Bool

    public init(redisIsGiven: Bool = false) { self.redisIsGiven = redisIsGiven }
  }

  public struct Result: Sendable {
    /// In the order of the files and in theirs; to be used only if `isValid`.
    public var policies: [Policy]
    /// All errors and warnings, in the order of files, lines and columns.
    public var diagnostics: [Diagnostic]
    /// One a file: its domain, or the default one where it names none that is valid.
    public var domains: [String]

    public var isValid: Bool { !diagnostics.contains { $0.severity == .error } }
  }

  /// Reads the policies of one set. Names are unique in a domain across all of `files`.
  public static func parse(_ files: [SourceFile], options: Options = Options()) -> Result {
    var result = Result(policies: [], diagnostics: [], domains: [])
    var names: [QualifiedName: SourceLine] = [:]
    var warnings = PolicyWarnings()
    var notShown = 0
    var isFaulty = false
    for file in files {
      var reader = SchemaReader(file: file.name, options: options)
      let read = reader.file(file.bytes)
      for named in read.policies {
        guard claim(named, in: read.domain, &names, &reader), let policy = named.policy else { continue }
        warnings.check(policy, &reader)
        result.policies.append(policy.policy)
      }
      result.domains.append(read.domain)
      let room = FileBounds.diagnostics - result.diagnostics.count
      let report = inOrder(reader.report)
      result.diagnostics += report.prefix(room)
      notShown += reader.notShown + max(0, report.count - room)
      isFaulty = isFaulty || reader.errorCount > 0
    }
    if notShown > 0, let last = files.last {
      // An error where any is: also where only warnings came before the bound.
      result.diagnostics.append(
        Diagnostic(
          file: last.name, line: 0, column: 0, severity: isFaulty ? .error : .warning,
          message: "\(notShown) more not shown"))
    }
    return result
  }

  private struct QualifiedName: Hashable {
    var domain: String
    var name: String
  }

  /// Whether a name is the first of its domain; reports it where it is not.
  private static func claim(
    _ named: NamedPolicy, in domain: String, _ names: inout [QualifiedName: SourceLine], _ reader: inout SchemaReader
  ) -> Bool {
    let qualified = QualifiedName(domain: domain, name: named.name)
    if let first = names[qualified] {
      reader.error(
        named.mark,
        "name \"\(named.name)\": domain \"\(domain)\" has a policy of that name already, at \(first.file):\(first.line)"
      )
      return false
    }
    names[qualified] = SourceLine(file: reader.file, line: named.mark.line)
    return true
  }

  /// By place; what an alias repeats at the same place is said once.
  private static func inOrder(_ report: [Diagnostic]) -> [Diagnostic] {
    let sorted = report.enumerated().sorted {
      ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
    }
    var result: [Diagnostic] = []
    for (_, diagnostic) in sorted where !result.suffix(8).contains(diagnostic) { result.append(diagnostic) }
    return result
  }
}
