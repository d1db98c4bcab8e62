// Bounds.swift: the limits of this room, each with its reason.

/// The limits of a connection to Redis. Times are in nanoseconds.
enum Bounds {
  /// Bytes of one reply. The longest that weir asks for answers a call of many checks, some 10 KB; a server that sends
  /// more is not what we think it is.
  static let reply = 1 << 20
  /// Arrays within arrays: what hiredis 0.14 allows, and 1.x no longer bounds.
  static let replyDepth = 8
  /// Room that hiredis keeps for input once it is empty: a whole read of the loop, so that it is not allocated anew.
  static let readerRoom = 1 << 17
  /// Bytes that may wait to be sent, above which a write is refused: a Redis that takes nothing for so long is away.
  static let output = 1 << 24
  /// From the start of a TCP connection to its end.
  static let connect: Int64 = 1_000_000_000
  /// From then on, for TLS and the greeting together.
  static let greeting: Int64 = 1_000_000_000
  /// For the name, the password file and the certificates of one attempt. glibc asks each name server for 5 s.
  static let preparation: Int64 = 5_000_000_000
  /// Addresses of a name that one attempt tries: with 2 s each, an attempt ends within half a minute.
  static let addresses = 8
  /// The first wait between two attempts while the breaker is closed, and the longest. Half of a wait is random.
  static let backoff: ClosedRange<Int64> = 50_000_000...1_000_000_000
  /// How often a connection that has to wait for another one's trial asks whether it is over.
  static let trialPoll: Int64 = 100_000_000
  /// How often a connection looks whether the sentinels have named another master, besides before each check.
  static let followInterval: Int64 = 100_000_000
  /// How often each sentinel is asked; a failover is also told by the sentinels themselves.
  static let sentinelInterval: Int64 = 1_000_000_000
  /// Bytes of the name or address of a server that another tells: as long as a name in DNS may be.
  static let hostName = 255
  /// Bytes of a password file. Redis takes longer ones, but nobody remembers them.
  static let passwordFile = 4096
  /// Bytes of Redis's own words in a log line.
  static let quotedReply = 200

  // MARK: Calls and tickets

  static let second: Int64 = 1_000_000_000
  /// Charges that one script call holds, but for a check that has more by itself: Redis serves nobody else meanwhile,
  /// and 128 take it about half a millisecond.
  static let chargesPerCall = 128
  /// Calls without a reply beyond which a turn's checks wait for one, unless they fill a call: under load checks gather
  /// and cost Redis a third each. (Signs of life and questions about orders count among the calls: where there are
  /// several domains, checks may wait so for one reply every 400 ms.)
  static let callsInFlight = 2
  /// How long a check waits so at most: where the way to Redis is long, waiting for a reply would cost all its time.
  static func gatheringTime(_ timeout: Int64) -> Int64 { timeout / 16 }
  /// How long a call may stay unanswered, though its checks were given up, before the connection is taken for dead; at
  /// least four time-outs.
  static let silence: Int64 = second
  /// Tickets that may wait to be sent, a worker. Each belongs to a connection of its own, so it is hardly reached.
  static let tickets = 16_384
  /// Bytes of keys, and charges, that a ticket keeps room for between two checks: what all but odd ones need.
  static let keptKeys = 4_096
  static let keptCharges = 64
  /// Checks over several keys that a worker keeps for the next ones.
  static let spareSplits = 512

  // MARK: Holds

  /// The longest life of a hold: far above any time-out, and short enough that what a clock's step leaves is soon gone.
  /// LONGEST_HOLD in holds.lua.
  static let hold: Int64 = 10 * second
  /// Charges that may be held under one key at a time: summing them up takes Redis some milliseconds. A check that would
  /// hold more fails. HOLDS in holds.lua.
  static let holds = 4_096
  /// How long after a hold's end a confirmation can still be cancelled: whoever gives up when the time of a decision is
  /// over sends that only then. GRACE in holds.lua.
  static let cancelling: Int64 = 100_000_000
  /// Confirmations that are remembered a key, some 100 bytes each; of more, the oldest cannot be cancelled. MARKS in
  /// holds.lua.
  static let marks = 16_384

  // MARK: Weirs

  /// Domains up to which each has its own count of live weirs: some 6 µs of Redis each, every interval, for every weir.
  static let announcedDomains = 64
  /// How often a weir says that it lives.
  static let announceInterval: Int64 = 2 * second
  /// How long a sign of life counts.
  static let signOfLife: Int64 = 10 * second
  /// How long after a (re)connection the number of live weirs may only grow: a Redis that lost its data hears from all
  /// of them only within their next intervals.
  static let gathering: Int64 = 2 * announceInterval

  /// How long a state seen at a denial is believed, and how many a worker keeps (each about 100 bytes).
  static let observedTime: Int64 = 5 * second
  static let observedStates = 8_192

  // MARK: Orders

  /// How often one worker of a process asks each domain whether anybody has ordered something: all weirs obey within a
  /// second.
  static let orderInterval: Int64 = 400_000_000
  /// Orders of one page, and bytes after which it ends: reading it takes a worker well below a millisecond.
  static let orderPage = 128
  static let orderPageBytes = 1 << 15
  /// How long Redis tells that an order was ended or a key reset; NEWS in orders.lua.
  static let orderNews: Int64 = 60 * second
  /// After how long without an answer everything is read anew, since such news may have been missed.
  static let orderGap: Int64 = orderNews / 2
  /// How often everything is read anew even so: what is wrong does not last longer.
  static let orderWhole: Int64 = 60 * second
  /// Keys that were reset and that a worker is still to hear of, one by one: as many as it remembers states of.
  static let resetKeys = observedStates
  /// Bytes of a key that is told with its reset, so that weirs that counted it themselves forget that too.
  static let resetKey = 8_192
  /// Bytes of the words that say who ordered: a name and a line of text.
  static let orderBy = 1_024

  // MARK: Cluster

  /// Nodes of one cluster: what the specification recommends at most.
  static let clusterNodes = 1_000
  /// Nodes of each kind that one reading of the map asks at most: with 2 s each, it ends within a minute.
  static let clusterAsked = 8
  /// How often the map is read while all is well: half of it to all of it passes between two readings.
  static let clusterInterval: Int64 = 10 * second
  /// The same while slots are not served or no node is believed: a failover takes longer than this.
  static let clusterTrouble: Int64 = second / 2
  /// How long after a wanted reading the map is read as often as in trouble: the default `cluster-node-timeout`, and an
  /// election.
  static let clusterAlert: Int64 = 20 * second
  /// The least between the beginnings of two readings; it doubles with each that brings no news.
  static let clusterPause: ClosedRange<Int64> = second / 10...second
  /// From the questions to a node to the last of its replies.
  static let clusterAnswer: Int64 = second
  /// After how long without a believed map older epochs are believed again. A node that is cut off knows it after
  /// `cluster-node-timeout`, 15 s by default.
  static let clusterDoubt: Int64 = 30 * second
  /// Bytes of MOVED and ASK: the longest host name, and some more.
  static let redirection = 300

  /// How often a worker looks whether the map of the cluster has changed, while it asks nothing.
  static let mapPoll: Int64 = second
  /// The same before it has any.
  static let firstMapPoll: Int64 = 10_000_000
  /// Masters that a worker connects to at the start; to others when something is asked of them.
  static let firstNodes = 32
  /// How often one check, or one other question, is sent from node to node: a slot moves once, a map is soon corrected.
  static let redirections = 5
  static let questionRedirections = 2
  /// How long a check waits whose slot is on its way to another node in parts. A slot takes milliseconds at best.
  static let tryAgain: Int64 = 4_000_000
  /// Questions that wait for the first connection to a node.
  static let earlyQuestions = 1_024
}
