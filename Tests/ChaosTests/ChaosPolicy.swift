// ChaosPolicy.swift: the policies of a chaos run, as the checker knows them and as weir reads them.
//
// Every algorithm counts in Redis and in memory; one path matches three policies with different keys, so that its checks
// are all or nothing over both stores (and, in a cluster, over several nodes); one policy regains nothing, so that what
// it admits is exact over the whole run; one refuses and one lets through while Redis is away; one lives in a file of its
// own, which a fault takes away.

/// The numbers in force for a policy.
struct Numbers: Sendable, Equatable {
  var limit: Int
  var burst: Int
  /// Nanoseconds.
  var period: Int

  init(limit: Int, burst: Int? = nil, period: Int) {
    (self.limit, self.burst, self.period) = (limit, burst ?? limit, period)
  }

  /// What a weir grants while Redis is away and it knows of `count` live weirs: rounded down, at least 1.
  func shared(among count: Int) -> Numbers {
    Numbers(limit: max(1, limit / max(1, count)), burst: max(1, burst / max(1, count)), period: period)
  }

  /// Limit and burst times `numerator / denominator`, at least 1.
  func scaled(_ numerator: Int, _ denominator: Int) -> Numbers {
    Numbers(
      limit: max(1, limit * numerator / denominator), burst: max(1, burst * numerator / denominator), period: period)
  }
}

struct ChaosPolicy: Sendable {
  enum Algorithm: String, Sendable, CaseIterable {
    case tokenBucket = "token-bucket"
    case fixedWindow = "fixed-window"
    case slidingWindow = "sliding-window"
    case slidingLog = "sliding-log"
  }

  enum OnFailure: String, Sendable { case memory, allow, deny }

  var name: String
  var paths: [String]
  /// Whether each user has a counter; else all share one.
  var isKeyed = true
  var algorithm: Algorithm
  var numbers: Numbers
  /// Whether it counts in Redis.
  var isShared = true
  var onFailure = OnFailure.memory
  /// Whether it stands in the file that a fault takes away.
  var isExtra = false

  static let regainsNothing = 366 * 86_400 * second

  static let all: [ChaosPolicy] = [
    .init(
      name: "bucket", paths: ["/bucket", "/both"], algorithm: .tokenBucket,
      numbers: .init(limit: 12, burst: 15, period: second)),
    .init(
      name: "everybody", paths: ["/both"], isKeyed: false, algorithm: .tokenBucket,
      numbers: .init(limit: 30, period: second)),
    .init(
      name: "local-bucket", paths: ["/local-bucket", "/both"], algorithm: .tokenBucket,
      numbers: .init(limit: 8, burst: 9, period: second), isShared: false),
    .init(name: "fixed", paths: ["/fixed"], algorithm: .fixedWindow, numbers: .init(limit: 21, period: 2 * second)),
    .init(
      name: "sliding", paths: ["/sliding"], algorithm: .slidingWindow, numbers: .init(limit: 21, period: 2 * second)),
    .init(name: "log", paths: ["/log"], algorithm: .slidingLog, numbers: .init(limit: 21, period: 2 * second)),
    .init(
      name: "local-fixed", paths: ["/local-fixed"], algorithm: .fixedWindow,
      numbers: .init(limit: 8, period: 2 * second), isShared: false),
    .init(
      name: "local-sliding", paths: ["/local-sliding"], algorithm: .slidingWindow,
      numbers: .init(limit: 8, period: 2 * second), isShared: false),
    .init(
      name: "local-log", paths: ["/local-log"], algorithm: .slidingLog,
      numbers: .init(limit: 8, period: 2 * second), isShared: false),
    .init(
      name: "deny", paths: ["/deny"], algorithm: .tokenBucket, numbers: .init(limit: 12, period: second),
      onFailure: .deny),
    .init(
      name: "allow", paths: ["/allow"], algorithm: .tokenBucket, numbers: .init(limit: 12, period: second),
      onFailure: .allow),
    .init(
      name: "quota", paths: ["/quota"], algorithm: .tokenBucket, numbers: .init(limit: 150, period: regainsNothing)),
    .init(
      name: "extra", paths: ["/extra"], algorithm: .slidingLog, numbers: .init(limit: 15, period: second), isExtra: true
    ),
  ]

  static let paths = Array(Set(all.flatMap(\.paths))).sorted()
  static let users = ["ann", "bob", "cem", "dan"]

  static func matching(_ path: String) -> [ChaosPolicy] { all.filter { $0.paths.contains(path) } }

  /// What a policy file says of it.
  func line(_ numbers: Numbers, isShadow: Bool) -> String {
    var fields = [
      "name: \(name)", "match: {path: [\(paths.joined(separator: ", "))]}", "algorithm: \(algorithm.rawValue)",
      "limit: \(numbers.limit)", "period: \(numbers.period / second)s", "store: \(isShared ? "redis" : "memory")",
    ]
    if isKeyed { fields.append("key: [user]") }
    if algorithm == .tokenBucket { fields.append("burst: \(numbers.burst)") }
    if isShared { fields.append("on_store_failure: \(onFailure.rawValue)") }
    if isShadow { fields.append("mode: shadow") }
    return "  - {\(fields.joined(separator: ", "))}\n"
  }
}
