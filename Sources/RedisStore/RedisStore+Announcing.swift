// RedisStore+Announcing.swift: signs of life, so that weirs know how many they are. One server takes them all in one
// call; in a cluster each goes to the node of its slot.

import EventLoop

extension RedisStore {
  /// Sends a sign of life, and learns how many others gave one.
  func announce() {
    // The nodes of a cluster are connected to when something is asked of them.
    guard isReady || layout == .hashes, !names.domains.isEmpty else { return }
    ask(announcements(isLast: false))
  }

  /// Signs of life, or the last words of a clean stop.
  func announcements(isLast: Bool) -> [Question] {
    let names = names
    let batches = layout == .hashes ? names.live.map { [$0] } : [names.live]
    return batches.compactMap { keys in
      guard let first = keys.first else { return nil }
      return Question(command: announcement(keys, isLast: isLast), script: .announce, key: first) {
        [weak self] answer in
        if case .success(let reply) = answer, !isLast { self?.heard(reply, keys, of: names) }
      }
    }
  }

  func announcement(_ keys: [[UInt8]], isLast: Bool) -> [UInt8] {
    Announcement.command(keys: keys, id: shared.id, signOfLife: Bounds.signOfLife, isLast: isLast)
  }

  /// Takes the count of each key from the reply.
  ///
  /// - Parameter keys: Those of the announcement, some of the names'.
  func heard(_ reply: Reply, _ keys: [[UInt8]], of names: KeyNames) {
    let counts = reply.integers
    guard counts.count == keys.count else { return }
    for (key, count) in zip(keys, counts) {
      shared.live.heard(names.domains(announcedBy: key), count: count, now: loop.now)
    }
    shared.live.keep(Set(self.names.domains))
  }
}
