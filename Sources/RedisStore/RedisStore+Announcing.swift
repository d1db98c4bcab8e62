// RedisStore+Announcing.swift: signs of life, so that weirs know how many they are.

import EventLoop

extension RedisStore {
  /// Sends a sign of life, and learns how many others gave one.
  func announce() {
    guard isReady, !names.domains.isEmpty else { return }
    out.removeAll(keepingCapacity: true)
    out.append(contentsOf: announcement(isLast: false))
    calls.append(.announcement, sentAt: loop.now, deadline: loop.now + timeout).names = names
    send()
  }

  /// The command: a sign of life, or the last word of a clean stop.
  func announcement(isLast: Bool) -> [UInt8] {
    Announcement.command(keys: names.live, id: shared.id, signOfLife: Bounds.signOfLife, isLast: isLast)
  }

  /// Takes the count of each domain from the reply.
  ///
  /// - Parameter names: Those of the announcement.
  func heard(_ reply: Reply, _ names: KeyNames) {
    let counts = reply.integers
    guard counts.count == names.live.count, let first = counts.first else { return }
    let isOneForAll = counts.count < names.domains.count
    shared.live.heard(
      names.domains.enumerated().map { (domain: $1, count: isOneForAll ? first : counts[$0]) }, now: loop.now)
  }
}
