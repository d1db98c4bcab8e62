// Conditions.swift: what a check must be for a policy to apply. Every given condition must hold; within one, any value.

/// The conditions of `match` or `except`. An empty list means: not given.
public struct Conditions: Sendable {
  public var methods: [String]
  public var paths: [PathPattern]
  public var hosts: [HostPattern]
  public var networks: [IPNetwork]
  /// Headers, query parameters and any other attribute.
  public var attributes: [AttributeCondition]

  public init(
    methods: [String] = [], paths: [PathPattern] = [], hosts: [HostPattern] = [], networks: [IPNetwork] = [],
    attributes: [AttributeCondition] = []
  ) {
    self.methods = methods
    self.paths = paths
    self.hosts = hosts
    self.networks = networks
    self.attributes = attributes
  }

  public var isEmpty: Bool {
    methods.isEmpty && paths.isEmpty && hosts.isEmpty && networks.isEmpty && attributes.isEmpty
  }
}

/// A condition on one attribute's values.
public struct AttributeCondition: Sendable, Equatable {
  public var name: AttributeName
  public var test: Test

  public init(name: AttributeName, test: Test) {
    self.name = name
    self.test = test
  }

  public enum Test: Sendable, Equatable {
    /// Holds if any of the check's values is any of these.
    case oneOf([String])
    /// Holds if the attribute is there (true) or is not (false). An empty value is there.
    case present(Bool)
    /// Holds if any of the check's values begins with any of these.
    case prefix([String])
  }
}
