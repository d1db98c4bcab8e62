// PolicyLoader.swift: a file or a directory to a policy set, or to the reasons why not.
//
// A load counts only if nothing changed while it read: the signature of the path is taken before and after, and each
// open file must be the one that was listed. Whoever loads then retries, after a moment. Links are followed, so that a
// Kubernetes ConfigMap volume (`x.yaml -> ..data/x.yaml`, `..data ->` a directory with a date) reads like plain files,
// and a swap of `..data` shows as other inodes. Synchronous, and without state: to be called from any thread.

import Glibc
public import Policies

public enum PolicyLoader {
  public typealias Options = PolicyParser.Options

  public enum Result: Sendable {
    case loaded(LoadedPolicies)
    /// At least one error, with all warnings, in the order of files, lines and columns.
    case invalid([Diagnostic])
    /// The path, or files in it, that are missing or cannot be read; never empty.
    case unreadable([Unreadable])
    /// Something changed meanwhile: what was read may be half of two states. To be tried again.
    case changed
  }

  /// A path that cannot be read, and why.
  public struct Unreadable: Sendable, Equatable {
    public var path: String
    public var reason: String

    public init(path: String, reason: String) {
      self.path = path
      self.reason = reason
    }

    /// `path: reason`.
    public var text: String { path + ": " + reason }
  }

  /// Loads `path`: a file of any name, or the `*.yaml`, `*.yml` and `*.json` of a directory (not of its
  /// subdirectories), in the order of their names' bytes. A directory without any is a set without policies, with a
  /// warning.
  public static func load(path: String, options: Options = Options()) -> Result {
    load(path: path, options: options, afterReading: {})
  }

  /// What a later load would find, for polling: a load is needed when this has changed.
  public static func signature(path: String) -> PathSignature { PathSignature(path: path) }

  /// `afterReading` runs between the reading and the second look, so that tests can change something there.
  static func load(path: String, options: Options, afterReading: () -> Void) -> Result {
    let before = PathSignature(path: path)
    var problems: [Unreadable] = []
    var skipped: [Diagnostic] = []
    if case .failure(let error) = before.root { problems.append(Unreadable(path: path, reason: error.message)) }
    let sources = read(before, &problems, &skipped)
    afterReading()
    guard let sources, before == PathSignature(path: path) else { return .changed }
    guard problems.isEmpty else { return .unreadable(problems) }

    let parsed = PolicyParser.parse(sources.map(\.file), options: options)
    guard parsed.isValid else { return .invalid(skipped + parsed.diagnostics) }
    if sources.isEmpty {
      skipped.append(warning(path, "holds no policy files (*.yaml, *.yml, *.json): nothing is limited"))
    } else if parsed.policies.isEmpty {
      skipped.append(warning(path, "holds no policies: nothing is limited"))
    }
    return .loaded(
      LoadedPolicies(
        policies: parsed.policies, warnings: skipped + parsed.diagnostics,
        files: zip(sources, parsed.domains).map { LoadedFile(path: $0.file.name, domain: $1) },
        sha256: Fingerprint.sha256(sources: sources, domains: parsed.domains)))
  }

  /// A file's text under the name that the fingerprint knows, which is the same in all pods whatever the path.
  struct Source {
    var file: SourceFile
    var baseName: String
  }

  /// The texts of the listed files; nil where one is no longer what was listed.
  private static func read(
    _ signature: PathSignature, _ problems: inout [Unreadable], _ skipped: inout [Diagnostic]
  ) -> [Source]? {
    var sources: [Source] = []
    var total: Int64 = 0
    for entry in signature.entries {
      let identity: FileIdentity
      switch entry.identity {
      case .success(let found): identity = found
      case .failure(let error):
        problems.append(Unreadable(path: entry.path, reason: error.message))
        continue
      }
      guard identity.kind == .file else {
        if signature.root == .success(.file) {
          problems.append(Unreadable(path: entry.path, reason: "is neither a file nor a directory"))
        } else {
          skipped.append(warning(entry.path, "is no file; skipped"))
        }
        continue
      }
      total += min(identity.size, FileBounds.fileSize + 1)  // what is read of it
      guard total <= FileBounds.totalSize else {
        problems.append(
          Unreadable(path: entry.path, reason: "all files together have more than \(FileBounds.totalSize) bytes"))
        break
      }
      switch FileBytes.read(path: entry.path, expecting: identity) {
      case .success(let bytes):
        sources.append(Source(file: SourceFile(name: entry.path, bytes: bytes), baseName: entry.name))
      case .failure(.changed): return nil
      case .failure(.system(let error)): problems.append(Unreadable(path: entry.path, reason: error.message))
      }
    }
    return sources
  }

  private static func warning(_ path: String, _ message: String) -> Diagnostic {
    Diagnostic(file: path, line: 0, column: 0, severity: .warning, message: message)
  }
}

/// The policies of a path, all of which are valid.
public struct LoadedPolicies: Sendable {
  /// In the order of the files and in theirs.
  public var policies: [Policy]
  public var warnings: [Diagnostic]
  public var files: [LoadedFile]
  /// 64 hex digits over domain, base name and bytes of each file in order: equal in all pods that run the same files.
  public var sha256: String

  public init(policies: [Policy], warnings: [Diagnostic], files: [LoadedFile], sha256: String) {
    self.policies = policies
    self.warnings = warnings
    self.files = files
    self.sha256 = sha256
  }
}

/// A file that a set was loaded from.
public struct LoadedFile: Sendable, Equatable {
  public var path: String
  public var domain: String

  public init(path: String, domain: String) {
    self.path = path
    self.domain = domain
  }
}
