// ForbiddenOrders.swift: what Redis does not permit of orders, though it may permit all that checks need.
//
// It is told once it begins and once it is over: of reading after a round, of writing after the next word that is kept,
// and of both with a new connection.

struct ForbiddenOrders {
  private var reading = false
  private var writing = false
  /// Of reading, so far in a round.
  private var inThisRound = false

  var isAny: Bool { reading || writing }

  /// A question of a round failed.
  mutating func noteReading(_ failure: RedisFailure) {
    if failure == .permission { inThisRound = true }
  }

  mutating func endRound() {
    reading = inThisRound
    inThisRound = false
  }

  mutating func noteWriting(_ result: Result<Reply, WordFailure>) {
    switch result {
    case .success: writing = false
    case .failure(let failure): if failure.failure == .permission { writing = true }
    }
  }
}
