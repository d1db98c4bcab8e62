// OrderRefusal.swift: why an order is not taken: what the operator asked for is wrong, or the book is full.

import Policies

enum OrderRefusal: Error, Equatable {
  /// The set in force has no such policy.
  case unknownPolicy(domain: String, policy: String)
  case amount(Int64)
  /// It would end at once.
  case over
  case tooLong
  case keyTooLong
  case full

  /// The HTTP status that says so.
  var status: Int {
    switch self {
    case .unknownPolicy: 404
    case .amount, .over, .tooLong, .keyTooLong: 400
    case .full: 409
    }
  }

  var detail: String {
    switch self {
    case .unknownPolicy(let domain, let policy):
      "domain '\(domain)' has no policy '\(policy)'; GET /policies lists those in force"
    case .amount(let amount):
      "amount \(amount): give a whole number from \(OrderBounds.amount.lowerBound) to \(OrderBounds.amount.upperBound)"
    case .over: "the order would have ended already; give a time to come"
    case .tooLong: "an order lasts 7 days at most; what is to last longer belongs into the policy file"
    case .keyTooLong: "the key is longer than \(Bounds.orderKey) bytes"
    case .full:
      "\(OrderBounds.orders) orders, or \(Bounds.orderKeys >> 20) MiB of their keys, are in force in the domain; end some "
        + "first"
    }
  }
}
