// OrderKeys.swift: what the orders of a domain are called in Redis, and how an order or a reset is named among them.
//
//   weir:orders:{D}           D: 22 digits over the domain's name; see Scripts/orders.lua for what they hold
//   weir:orders:{D}:kept      :changes, :ends
//   member                    o or r, 22 digits over the bytes of the key, :policy:aXXXXXXXX as in the counter's name

import Policies

struct OrderKeys {
  static let orderMark = UInt8(ascii: "o")
  static let resetMark = UInt8(ascii: "r")

  let version: [UInt8]
  let orders: [UInt8]
  let changes: [UInt8]
  let ends: [UInt8]

  init(domain: String) {
    var name = Array("weir:orders:{".utf8)
    KeyDigest(Array(domain.utf8).span).append(to: &name)
    version = name + "}".utf8
    orders = version + ":kept".utf8
    changes = version + ":changes".utf8
    ends = version + ":ends".utf8
  }

  /// Names what is said about one key of a policy.
  static func member(_ mark: UInt8, _ identity: CounterIdentity, _ digest: KeyDigest) -> [UInt8] {
    var member = [mark]
    digest.append(to: &member)
    return member + ":\(identity.name):".utf8 + KeyNames.ending(identity)
  }
}
