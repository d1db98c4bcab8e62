// SchemaReader+Limits.swift: the numbers of a policy and of its overrides, and what a check costs.

import Limiting
import Policies

extension SchemaReader {
  private static let algorithms: [(word: String, algorithm: Algorithm)] = Algorithm.allCases.map {
    ("\($0.name)", $0)
  }

  /// `algorithm`; a token bucket where none is given. Nil where it is unknown.
  mutating func algorithm(_ node: YAMLNode?) -> Algorithm? {
    guard let node else { return .tokenBucket }
    guard let word = word(node, "algorithm", Self.algorithms.map(\.word)) else { return nil }
    return Self.algorithms.first { $0.word == word }?.algorithm
  }

  /// `limit`, in the range of the algorithm (the wider one where that is unknown).
  mutating func limit(_ node: YAMLNode, _ label: String, _ algorithm: Algorithm?) -> Int64? {
    if algorithm == .slidingLog { return number(node, label, Bounds.logLimit, note: " for sliding-log") }
    return number(node, label, Bounds.limit)
  }

  /// `burst`, which only token buckets have.
  mutating func burst(_ members: Members, _ label: String, _ algorithm: Algorithm?) -> Int64? {
    guard let node = members["burst"] else { return nil }
    if let algorithm, algorithm != .tokenBucket {
      error(members.mark("burst"), "\(label): only token-bucket has one, \(algorithm.name) does not; leave it out")
      return nil
    }
    return number(node, label, Bounds.limit)
  }

  /// `cost`: a number, or an attribute that holds one.
  mutating func cost(_ node: YAMLNode, paths: [PathPattern]?) -> Policy.Cost? {
    switch node.content {
    case .text: return number(node, "cost", Bounds.policyCost).map { .fixed($0) }
    case .nothing, .list:
      let (least, most) = (Bounds.policyCost.lowerBound, Bounds.policyCost.upperBound)
      error(
        node.mark, "cost: must be a whole number from \(least) to \(most) or {attribute: NAME, …}, not \(node.kind)")
      return nil
    case .mapping: return attributeCost(node, paths: paths)
    }
  }

  private mutating func attributeCost(_ node: YAMLNode, paths: [PathPattern]?) -> Policy.Cost? {
    guard let members = members(node, "cost", known: ["attribute", "default", "min", "max"]) else { return nil }
    var name: AttributeName?
    if let node = members["attribute"] {
      name = text(node, "cost.attribute").flatMap { attribute($0, at: node.mark, "cost.attribute") }
      if let name {
        requireCapture(name, in: paths, at: node.mark, "cost.attribute")
        warnOfSlip(name, at: node.mark, "cost.attribute")
      }
    } else {
      error(members.mark, "cost: needs \"attribute\", whose value is the cost")
    }
    let errorsBefore = errorCount
    let min = members["min"].map { number($0, "cost.min", Bounds.policyCost) } ?? Bounds.policyCost.lowerBound
    let max = members["max"].map { number($0, "cost.max", Bounds.policyCost) } ?? Bounds.policyCost.upperBound
    let given = members["default"].map { number($0, "cost.default", Bounds.policyCost) } ?? min
    guard errorCount == errorsBefore, let min, let max, let given else { return nil }
    guard min <= max else {
      error(members.mark("min"), "cost.min \"\(min)\": must be at most cost.max, which is \(max)")
      return nil
    }
    guard (min...max).contains(given) else {
      error(members.mark("default"), "cost.default \"\(given)\": must be from cost.min to cost.max, \(min) to \(max)")
      return nil
    }
    return name.map { .attribute($0, default: given, min: min, max: max) }
  }
}
