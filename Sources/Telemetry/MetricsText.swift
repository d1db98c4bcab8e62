// MetricsText.swift: the page that Prometheus reads: its text format 0.0.4, or OpenMetrics 1.0.
//
// A metric is written whole: HELP, TYPE, then all its samples, since both formats want them together and once. Names
// come from the code and are checked; label values come from policy files and are escaped. There are no floats here:
// counts are whole, and durations are whole nanoseconds written as decimal seconds, exact to the last digit.
//
// Every sample has the same name, labels and value in both forms, so that a scraper which changes over begins no new
// series. Time stamps, exemplars, `_created` and the type `info` are left out: what ends in `_info` is a gauge.

/// Builds one page of metrics.
public struct MetricsText {
  /// The page so far.
  public private(set) var text = ""
  private let format: MetricsFormat
  private var names: Set<String> = []

  public init(_ format: MetricsFormat = .prometheus) {
    self.format = format
  }

  /// Ends the page; nothing may be added to what this returns.
  public consuming func finished() -> String {
    format == .openMetrics ? text + "# EOF\n" : text
  }

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

  /// One histogram of a metric, under its labels.
  public struct Series {
    public var labels: [Label]
    public var value: Histogram.Snapshot

    public init(_ labels: [Label], _ value: Histogram.Snapshot) {
      self.labels = labels
      self.value = value
    }

    /// The only histogram of a metric without labels.
    public init(_ value: Histogram.Snapshot) {
      self.init([], value)
    }
  }

  /// Adds histograms of durations. `name` ends in `_seconds`. Without series nothing is written.
  public mutating func histogram(_ name: String, _ help: String, _ series: [Series]) {
    precondition(name.hasSuffix("_seconds"), "a histogram of durations is named in seconds")
    histogram(name, help, series, bounds: Histogram.boundTexts) { .duration($0) }
  }

  /// Adds histograms of sizes, filled by `Histogram.observe(size:)`.
  public mutating func sizes(_ name: String, _ help: String, _ series: [Series]) {
    histogram(name, help, series, bounds: Histogram.sizeTexts) { .whole($0 / UInt64(Histogram.sizeUnit)) }
  }

  private mutating func histogram(
    _ name: String, _ help: String, _ series: [Series], bounds: [String], sum: (UInt64) -> Sample.Value
  ) {
    guard !series.isEmpty else { return }
    open(name, "histogram", help)
    for series in series {
      var running: UInt64 = 0
      for (index, count) in series.value.buckets.enumerated() {
        running &+= count
        let bound = index < bounds.count ? bounds[index] : "+Inf"
        add(name + "_bucket", Sample(series.labels + [Label("le", bound)], .whole(running)))
      }
      add(name + "_sum", Sample(series.labels, sum(series.value.sum)))
      add(name + "_count", Sample(series.labels, .whole(running)))
    }
  }

  /// Adds every counter of `WorkerCounter`, summed over the workers, and the connections now open.
  ///
  /// - Parameter hasRedis: Whether there is a Redis; without one, its counters are left out.
  public mutating func workers(_ workers: [WorkerCounters], hasRedis: Bool = false) {
    func total(_ counter: WorkerCounter) -> UInt64 { workers.reduce(0) { $0 &+ $1.count(counter) } }
    var metric: WorkerCounter.Series?
    var samples: [Sample] = []
    for counter in WorkerCounter.allCases where (hasRedis || !counter.isOfRedis) && !counter.isGauge {
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
    for counter in WorkerCounter.allCases where counter.isGauge {
      gauge(counter.series.metric, counter.series.help, [Sample(.whole(total(counter)))])
    }
  }

  private mutating func add(_ name: String, _ type: String, _ help: String, _ samples: [Sample]) {
    guard !samples.isEmpty else { return }
    open(name, type, help)
    for sample in samples { add(name, sample) }
  }

  private mutating func open(_ name: String, _ type: String, _ help: String) {
    precondition(Self.isName(name), "not a metric's name")
    precondition(names.insert(name).inserted, "a metric stands on a page once")
    var family = name[...]
    if format == .openMetrics, type == "counter" { family = family.dropLast("_total".count) }
    text += "# HELP \(family) "
    Self.escape(help, quotes: format == .openMetrics, into: &text)
    text += "\n# TYPE \(family) \(type)\n"
    guard format == .openMetrics else { return }
    for unit in ["seconds", "bytes"] where family.hasSuffix("_" + unit) { text += "# UNIT \(family) \(unit)\n" }
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

  /// Backslash and line feed are escaped everywhere; the quote in label values, and in OpenMetrics everywhere too.
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
