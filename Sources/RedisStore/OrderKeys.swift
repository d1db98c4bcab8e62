// OrderKeys.swift: what the orders of a domain are called in Redis, and how an order or a reset is named among them.
//
//   weir:orders:{D}           D: 22 digits over the domain's name; see Scripts/orders.lua for what they hold
//   weir:orders:{D}:kept      :changes, :ends
//   member                    o or r, 22 digits over the bytes of the key, :policy:aXXXXXXXX as in the counter's name
//                             of a reset also a colon and the bytes of the key, unless they are longer than orders' keys

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

  /// Names a reset of one key.
  static func reset(_ identity: CounterIdentity, key: [UInt8]) -> [UInt8] {
    let member = member(resetMark, identity, KeyNames.digest(identity, key: key.span))
    return key.count > Bounds.resetKey ? member : member + ":".utf8 + key
  }

  /// Reads the name of a reset; nil where it is none, or without the bytes of its key.
  static func reset(member: [UInt8], number: Int64) -> OrderPage.Reset? {
    let digits = 1 + KeyDigest.digits
    guard member.first == resetMark, member.count > digits, member[digits] == UInt8(ascii: ":"),
      let end = member[(digits + 1)...].firstIndex(of: UInt8(ascii: ":")),
      member.count > end + 1 + endingLength, member[end + 1 + endingLength] == UInt8(ascii: ":")
    else { return nil }
    return OrderPage.Reset(
      policy: String(decoding: member[(digits + 1)..<end], as: UTF8.self),
      ending: Array(member[(end + 1)..<end + 1 + endingLength]), key: Array(member[(end + 2 + endingLength)...]),
      number: number)
  }

  /// Of `KeyNames.ending`.
  private static let endingLength = 9
}
