// MetricsText.swift: the page that Prometheus reads, in its text format 0.0.4.
//
// A metric is written whole: HELP, TYPE, then all its samples, since the format wants them together and once. Names
// come from the code and are checked; label values come from policy files and are escaped. There are no floats here:
// counts are whole, and durations are whole nanoseconds written as decimal seconds, exact to the last digit.
// Time stamps and the OpenMetrics dialect are left out: a scraper needs neither.

/// Builds one page of metrics.
public struct MetricsText {
  public static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

  /// The page so far.
  public private(set) var text = ""
  private var names: Set<String> = []

  public init() {}

  /// The name and value that tell one sample of a metric from another.
  public struct Label: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A number under a set of labels.
  public struct Sample: Sendable, Equatable {
    public var labels: [Label]
    public var value: Value

    public enum Value: Sendable, Equatable {
      case whole(UInt64)
      /// Nanoseconds, written as seconds.
      case duration(UInt64)
    }

    public init(_ labels: [Label], _ value: Value) {
      self.labels = labels
      self.value = value
    }

    /// The only sample of a metric without labels.
    public init(_ value: Value) {
      self.init([], value)
    }
  }

  /// Adds a metric that only grows. Without samples nothing is written.
  ///
  /// - Parameter name: Not used on this page before, ends in `_total`, in base units (`_seconds`, `_bytes`).
  public mutating func counter(_ name: String, _ help: String, _ samples: [Sample]) {
    precondition(name.hasSuffix("_total"), "a counter's name ends in _total")
    add(name, "counter", help, samples)
  }

  /// Adds a metric that goes up and down. Without samples nothing is written.
  public mutating func gauge(_ name: String, _ help: String, _ samples: [Sample]) {
    precondition(!name.hasSuffix("_total"), "only a counter's name ends in _total")
    add(name, "gauge", help, samples)
  }

  /// Adds a histogram of durations. `name` ends in `_seconds`.
  public mutating func histogram(_ name: String, _ help: String, labels: [Label] = [], _ value: Histogram.Snapshot) {
    precondition(name.hasSuffix("_seconds"), "a histogram of durations is named in seconds")
    histogram(name, help, labels, value, bounds: Histogram.boundTexts, sum: .duration(value.sum))
  }

  /// Adds a histogram of sizes, filled by `Histogram.observe(size:)`.
  public mutating func sizes(_ name: String, _ help: String, labels: [Label] = [], _ value: Histogram.Snapshot) {
    // A bucket's bound in nanoseconds, read as milliseconds, is the size in thousandths: 2 500 is 2.5.
    let bounds = Histogram.bounds.map { Self.seconds($0 * 1_000_000) }
    histogram(name, help, labels, value, bounds: bounds, sum: .whole(value.sum / UInt64(Histogram.sizeUnit)))
  }

  private mutating func histogram(
    _ name: String, _ help: String, _ labels: [Label], _ value: Histogram.Snapshot, bounds: [String],
    sum: Sample.Value
  ) {
    open(name, "histogram", help)
    var running: UInt64 = 0
    for (index, count) in value.buckets.enumerated() {
      running &+= count
      let bound = index < bounds.count ? bounds[index] : "+Inf"
      add(name + "_bucket", Sample(labels + [Label("le", bound)], .whole(running)))
    }
    add(name + "_sum", Sample(labels, sum))
    add(name + "_count", Sample(labels, .whole(running)))
  }

  /// Adds every counter of `WorkerCounter`, summed over the workers, and the connections now open.
  ///
  /// - Parameter hasRedis: Whether there is a Redis; without one, its counters are left out.
  public mutating func workers(_ workers: [WorkerCounters], hasRedis: Bool = false) {
    func total(_ counter: WorkerCounter) -> UInt64 { workers.reduce(0) { $0 &+ $1.count(counter) } }
    var metric: WorkerCounter.Series?
    var samples: [Sample] = []
    for counter in WorkerCounter.allCases where hasRedis || !counter.isOfRedis {
      let series = counter.series
      if let open = metric, open.metric != series.metric {
        self.counter(open.metric, open.help, samples)
        samples = []
      }
      metric = series
      samples.append(Sample(series.labels, .whole(total(counter))))
    }
    if let open = metric { self.counter(open.metric, open.help, samples) }
    // Closed is read first: a connection that comes and goes in between must not make the difference negative.
    let closed = total(.connectionsClosed)
    let opened = total(.connectionsOpened)
    gauge("weir_connections", "Connections now open.", [Sample(.whole(opened >= closed ? opened - closed : 0))])
  }

  private mutating func add(_ name: String, _ type: String, _ help: String, _ samples: [Sample]) {
    guard !samples.isEmpty else { return }
    open(name, type, help)
    for sample in samples { add(name, sample) }
  }

  private mutating func open(_ name: String, _ type: String, _ help: String) {
    precondition(Self.isName(name), "not a metric's name")
    precondition(names.insert(name).inserted, "a metric stands on a page once")
    text += "# HELP \(name) "
    Self.escape(help, quotes: false, into: &text)
    text += "\n# TYPE \(name) \(type)\n"
  }

  private mutating func add(_ name: String, _ sample: Sample) {
    text += name
    if !sample.labels.isEmpty {
      text += "{"
      for (index, label) in sample.labels.enumerated() {
        precondition(Self.isName(label.name), "not a label's name")
        text += index == 0 ? "\(label.name)=\"" : ",\(label.name)=\""
        Self.escape(label.value, quotes: true, into: &text)
        text += "\""
      }
      text += "}"
    }
    text += " "
    switch sample.value {
    case .whole(let number): text += String(number)
    case .duration(let nanoseconds): text += Self.seconds(nanoseconds)
    }
    text += "\n"
  }

  /// `[a-z_][a-z0-9_]*`: the part of the format's names that weir uses.
  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return text.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || $0 == UInt8(ascii: "_")
    }
  }

  /// Backslash and line feed are escaped everywhere, the quote in label values only.
  private static func escape(_ value: String, quotes: Bool, into text: inout String) {
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\"" where quotes: text += "\\\""
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  /// 1 500 000 000 is `1.5`; no digit is lost and none is added.
  static func seconds(_ nanoseconds: UInt64) -> String {
    let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    guard rest > 0 else { return String(whole) }
    let digits = String(rest)
    var fraction = String(repeating: "0", count: 9 - digits.count) + digits
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return "\(whole).\(fraction)"
  }
}
