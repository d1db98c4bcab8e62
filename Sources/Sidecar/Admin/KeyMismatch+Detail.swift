// KeyMismatch+Detail.swift: what is wrong with a key that a call names, in words.

import Policies

extension KeyMismatch {
  /// What is wrong with a key for `policy`, and what would be right.
  func detail(_ policy: Policy) -> String {
    let names = policy.key.map(\.text)
    return switch self {
    case .count(let expected, let given):
      "key has \(given) part\(given == 1 ? "" : "s"); policy \(policy.name) has a key of \(expected): "
        + (names.isEmpty ? "give []" : names.joined(separator: ", "))
    case .notShared: "policy \(policy.name) has no counter that checks without an attribute share"
    case .address(let part): "part \(part + 1) of key (\(names[part])) must be an IP address"
    case .single(let part): "part \(part + 1) of key (\(names[part])) has one value: give a string"
    case .empty(let part): "part \(part + 1) of key (\(names[part])) is an empty list"
    }
  }
}
