// Bounds.swift: every limit of the server on a connection, with its reason. Times are nanoseconds.

import CheckAPI
import HTTP1
import Telemetry

enum Bounds {
  static let second: Int64 = 1_000_000_000
  static let millisecond: Int64 = 1_000_000

  /// Connections at one time, over all workers and listeners. The next get 503.
  static let connections = 10_000
  /// Descriptors that are kept for what is no connection of the data plane (loops, files, listeners, the admin and
  /// metrics listeners' connections, refused ones), of `limit` in all: what these bounds allow, or where that is too much
  /// a quarter, and at least 48.
  static func spareDescriptors(of limit: Int) -> Int {
    min(64 + 2 * adminConnections + 4 * refusedLingering, max(48, limit / 4))
  }
  /// Connections at one time to the admin listener, and again to the metrics listener.
  static let adminConnections = 256
  /// Refused connections that are still given the time to read their 503, a listener.
  static let refusedLingering = 64

  /// From the first byte of a request to the last of its head, and again to the last of its body.
  static let requestTime: Int64 = 10 * second
  /// Between requests: gateways keep connections this long.
  static let idleTime: Int64 = 3_600 * second
  /// The same on the admin and metrics listeners, whose few connections must not be held by who says nothing. A page
  /// that asks every two seconds keeps its own.
  static let adminIdleTime: Int64 = 10 * second
  /// After an answer that closes: how long the peer has to take it.
  static let lingerTime: Int64 = second
  /// How long a peer may leave answers unread.
  static let outputTime: Int64 = 10 * second
  /// How often connections are looked at for time-outs.
  static let sweepInterval: Int64 = 250 * millisecond
  /// How long a draining server waits for one more request on an idle connection.
  static let drainIdleTime: Int64 = second

  /// Bytes of a request that may wait: a head, and a body that is collected.
  static let input = HTTP1Bounds.head + JSONCheck.maximumBody
  /// Bytes of answers that may wait for a slow peer; reading stops as soon as any do.
  static let output = 1 << 20
  /// Bytes of memory that all connections of the data listeners together may make weir hold for requests that have not
  /// come whole and answers that are not taken. One may cost a few hundred kilobytes, ten thousand must not cost
  /// gigabytes. Beyond it those go that have held most for longest.
  static let claims = 64 << 20
  /// The share of one of so many workers: with many, still room for a dozen of the largest.
  static func claims(workers: Int) -> Int { max(claims / max(workers, 1), 8 << 20) }
  /// Bytes of memory that all checks together may hold while they wait for Redis: their keys and charges.
  /// Beyond it a check does not wait: `on_store_failure` decides it at once.
  static let waiting = 64 << 20
  /// The share of one of so many workers.
  static func waiting(workers: Int) -> Int { max(waiting / max(workers, 1), 8 << 20) }
  /// Checks in Redis that a worker keeps for the next ones. As many as a busy worker has under way, so that they
  /// allocate nothing; each holds a few kilobytes at most.
  static let sparePending = 512
  /// Parsers and buffers that a server keeps for when a request comes in pieces, or an answer later.
  static let spares = 64
  /// Bytes of answers gathered from pipelined requests before they are sent.
  static let gatheredOutput = 1 << 16

  /// Keys a list that `/keys/top` shows at most: more than the sketches of four workers hold.
  static let topKeys = 256

  /// How long an operator's question waits for the workers, and how often that is looked at.
  static let errandTime: Int64 = second
  static let errandSweep: Int64 = 100 * millisecond
  /// Answers of one worker to operators' questions that may wait for the main thread; further ones are lost.
  static let errands = 256
  /// Lines a second about calls of operators that were refused: enough to notice, too few to fill a disk.
  static let loggedRefusals = 1
  /// Bytes of the token of operators: room for any signed one.
  static let adminToken = 4_096

  /// Operators' questions that may wait for a worker; the next are refused. Few, since they keep it from its checks.
  static let workerErrands = 64

  /// Lines a second that `--log-denials` may ask for: more would cost workers more than the checks themselves.
  static let denialLines = 1...1_000
  /// Bytes of a denied check's key that are logged: so many make a line of less than `atomicLine` even where each of
  /// them is escaped.
  static let loggedKey = 512
  /// Bytes of a line that a pipe takes whole or not at all.
  static let atomicLine = LineQueue.atomicLine
  /// How long the end waits for a reader of the log.
  static let logEnd: Int64 = 100 * millisecond

  /// Bytes of the JSON that explains a check. A header of 64 KiB may stand in the key of each of many policies.
  static let explanation = 4 << 20

  /// How often the offset between the clocks is taken.
  static let clockInterval: Int64 = second
  /// How often idle cells are swept, and how many are looked at.
  static let cellSweepInterval: Int64 = 50 * millisecond
  static let cellSweepBudget = 8_192

  /// Names in a log line about the orders of several policies.
  static let loggedPolicies = 16
  /// How long an order lasts at most: what is to last longer belongs into a policy file, where others see it.
  static let orderTime: Int64 = 7 * 86_400 * second
  /// Bytes of an order's key: longer than any token that serves as a key, in a head of 64 KiB.
  static let orderKey = 8_192
  /// Bytes of the keys of a domain's orders from one source (this process, Redis), of which a table holds a copy, beyond
  /// which no further one is made. What several weirs made in Redis at one instant is obeyed even so: none drops what
  /// another took.
  static let orderKeys = 16 << 20

  /// Pages of orders from Redis that may wait for the main thread: as many as a domain has at most, and more. What does
  /// not fit is read again.
  static let orderPages = 128

  /// How long the start waits for Redis, and microseconds between two looks.
  static let redisStart: Int64 = second
  static let redisStartPause: UInt32 = 2_000

  /// How often the start reads policies that change while they are read.
  static let firstLoadAttempts = 50
  /// Microseconds between these.
  static let firstLoadPause: UInt32 = 20_000
  /// A reload begins after this long without events, and at most this long after the first.
  static let reloadQuiet: Int64 = 100 * millisecond
  static let reloadLatest: Int64 = 500 * millisecond
  /// How often files are looked at where the file system may give no events.
  static let reloadPoll: Int64 = 10 * second
  /// Files that could not be read are tried again after this long: it may have been for want of descriptors, and of
  /// their coming back no event tells.
  static let reloadRetry: Int64 = second
}
