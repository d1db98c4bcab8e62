// Policy.swift: one policy as its author wrote it, with every default filled in. PolicyFiles makes these; PolicySet
// compiles them for the path of a check.

public import Limiting

/// A rule from a policy file.
public struct Policy: Sendable {
  public var domain: String
  public var name: String
  public var description: String?
  public var source: SourceLine
  public var match: Conditions
  /// If given and all its conditions hold, the policy does not apply.
  public var except: Conditions?
  /// The attributes whose values get a counter of their own; empty means one counter for all.
  public var key: [AttributeName]
  public var missing: Missing
  public var limit: Limit
  public var cost: Cost
  public var store: StoreKind
  public var onStoreFailure: OnStoreFailure
  public var mode: Mode
  /// First match wins.
  public var overrides: [Override]

  public init(
    domain: String = PolicyName.defaultDomain, name: String, description: String? = nil,
    source: SourceLine = SourceLine(file: "", line: 0), match: Conditions = Conditions(), except: Conditions? = nil,
    key: [AttributeName] = [], missing: Missing = .skip, limit: Limit, cost: Cost = .fixed(1),
    store: StoreKind = .memory, onStoreFailure: OnStoreFailure = .memory, mode: Mode = .enforce,
    overrides: [Override] = []
  ) {
    self.domain = domain
    self.name = name
    self.description = description
    self.source = source
    self.match = match
    self.except = except
    self.key = key
    self.missing = missing
    self.limit = limit
    self.cost = cost
    self.store = store
    self.onStoreFailure = onStoreFailure
    self.mode = mode
    self.overrides = overrides
  }

  /// What becomes of a check that lacks an attribute of the key.
  public enum Missing: String, Sendable, CaseIterable {
    /// The policy does not limit it.
    case skip
    /// All such checks share one counter.
    case share
  }

  /// What one check spends, before the JSON form's own cost multiplies it.
  public enum Cost: Sendable, Equatable {
    case fixed(Int64)
    /// Digits of an attribute, else `default`; held between `min` (at least 1) and `max`.
    case attribute(AttributeName, default: Int64, min: Int64, max: Int64)
  }

  public enum StoreKind: String, Sendable, CaseIterable {
    case memory, redis
  }

  public enum OnStoreFailure: String, Sendable, CaseIterable {
    case allow, deny, memory
  }

  public enum Mode: String, Sendable, CaseIterable {
    case enforce
    /// Decides, counts and reports, but never denies.
    case shadow
  }

  /// Other numbers for particular keys.
  public struct Override: Sendable, Equatable {
    /// One entry a key part; nil (written `"*"`) matches any value.
    public var key: [String?]
    public var effect: Effect

    public init(key: [String?], effect: Effect) {
      self.key = key
      self.effect = effect
    }

    public enum Effect: Sendable, Equatable {
      case limit(Limit)
      case unlimited
      case block
    }
  }
}

/// Where a policy stands: the file as the user named it, and the line of its `name` (from 1).
public struct SourceLine: Sendable, Equatable {
  public var file: String
  public var line: Int

  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }
}
