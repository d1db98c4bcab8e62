// Redirection.swift: MOVED and ASK: a node of a cluster says which other node serves a slot.
//
//   MOVED 3999 127.0.0.1:6381   for good: the map is out of date
//   ASK 3999 127.0.0.1:6381     this one time, behind an ASKING: the slot is on its way there
//
// The host may be empty (the host that was asked, with another port) or `?` (the node knows no name for the other).
// Source: the Redis Cluster specification, "Redirection and resharding".

/// What a redirection says.
struct Redirection: Equatable, Sendable {
  enum Kind: Equatable, Sendable { case moved, ask }

  var kind: Kind
  /// Below 16384.
  var slot: UInt16
  /// Nil where the other node has no address that we could use; the map then has to tell.
  var node: NodeAddress?

  init(_ kind: Kind, slot: UInt16, node: NodeAddress?) {
    self.kind = kind
    self.slot = slot
    self.node = node
  }

  /// Reads an error reply.
  ///
  /// - Parameters:
  ///   - error: Its bytes, without the `-`.
  ///   - asked: The node that sent it, as we call it.
  /// - Returns: nil where it is no redirection, or a broken one.
  init?(_ error: Span<UInt8>, from asked: NodeAddress) {
    guard error.count <= Bounds.redirection else { return nil }
    let text = unsafe error.withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) }
    let words = text?.split(separator: " ", omittingEmptySubsequences: false) ?? []
    guard words.count == 3, let slot = UInt16(words[1]), slot < HashSlot.count else { return nil }
    switch words[0] {
    case "MOVED": kind = .moved
    case "ASK": kind = .ask
    default: return nil
    }
    // The last colon: an IPv6 address comes without brackets.
    guard let colon = words[2].lastIndex(of: ":"), let port = Int64(words[2][words[2].index(after: colon)...]) else {
      return nil
    }
    self.slot = slot
    node = NodeAddress(told: String(words[2][..<colon]), port: port, by: asked)
  }
}

extension NodeAddress {
  /// An address as a node of a cluster tells it.
  ///
  /// - Parameters:
  ///   - told: Empty or nil: the host that was asked.
  ///   - asked: The node that told it, as we call it.
  /// - Returns: nil for `?`, which says that there is no name, and for what cannot be an address.
  init?(told: String?, port: Int64, by asked: NodeAddress) {
    guard let port = UInt16(exactly: port), port > 0 else { return nil }
    guard let told, !told.isEmpty else {
      self.init(host: asked.host, port: port)
      return
    }
    // Names go to the resolver and into log lines: letters, digits and other visible ASCII without brackets.
    let isName = told.utf8.count <= Bounds.hostName && told.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    guard isName, !told.contains(where: { "[]?/@".contains($0) }) else { return nil }
    self.init(host: told, port: port)
  }
}
