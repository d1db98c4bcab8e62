// SchemaReader+File.swift: a file as a whole: a domain and its policies.

import Policies

extension SchemaReader {
  /// What a file holds.
  struct ReadFile {
    var domain = PolicyName.defaultDomain
    /// In the file's order.
    var policies: [NamedPolicy] = []
  }

  mutating func file(_ bytes: [UInt8]) -> ReadFile {
    var result = ReadFile()
    guard bytes.count <= Int(FileBounds.fileSize) else {
      error(.start, "the file has more than \(FileBounds.fileSize) bytes")
      return result
    }
    guard let root = document(bytes) else { return result }
    guard let members = members(root, "a policy file", known: ["domain", "policies"]) else { return result }
    if let node = members["domain"] { result.domain = name(node, "domain") ?? result.domain }
    guard let policies = members["policies"] else {
      error(root.mark, "a policy file needs \"policies\"; write policies: [] for none")
      return result
    }
    guard case .list(let elements) = policies.content else {
      error(policies.mark, "policies: must be a list, not \(policies.kind); write policies: [] for none")
      return result
    }
    for element in elements {
      if let policy = policy(element, domain: result.domain) { result.policies.append(policy) }
    }
    return result
  }

  private mutating func document(_ bytes: [UInt8]) -> YAMLNode? {
    do throws(YAMLProblem) {
      let root = try YAMLReader.read(bytes)
      if let root, case .nothing = root.content { return reportEmpty() }
      return root ?? reportEmpty()
    } catch {
      self.error(error.mark, error.message)
      return nil
    }
  }

  private mutating func reportEmpty() -> YAMLNode? {
    error(.start, "the file is empty; write policies: [] for none")
    return nil
  }
}
