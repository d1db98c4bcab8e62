// PolicyShape.swift: what two policies have in common when they count the same checks under the same keys, however
// their files order and write it.

import Policies

/// A policy's domain, match, except and key, in one form.
struct PolicyShape: Hashable {
  private var domain: String
  private var match: Shape
  private var except: Shape?
  private var key: Set<AttributeName>

  init(_ policy: Policy) {
    domain = policy.domain
    match = Shape(policy.match)
    except = policy.except.map(Shape.init)
    key = Set(policy.key)
  }

  private struct Shape: Hashable {
    var methods: Set<String>
    var paths: Set<String>
    var hosts: Set<String>
    var networks: Set<IPNetwork>
    var attributes: [AttributeName: Test]

    init(_ conditions: Conditions) {
      methods = Set(conditions.methods)
      paths = Set(conditions.paths.map(\.text))
      hosts = Set(conditions.hosts.map(\.text))
      networks = Set(conditions.networks)
      attributes = Dictionary(
        conditions.attributes.map { ($0.name, Test($0.test)) }, uniquingKeysWith: { first, _ in first })
    }
  }

  private enum Test: Hashable {
    case oneOf(Set<String>)
    case present(Bool)
    case prefix(Set<String>)

    init(_ test: AttributeCondition.Test) {
      switch test {
      case .oneOf(let values): self = .oneOf(Set(values))
      case .present(let present): self = .present(present)
      case .prefix(let prefixes): self = .prefix(Set(prefixes))
      }
    }
  }
}
