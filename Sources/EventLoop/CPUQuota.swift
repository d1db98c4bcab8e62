// CPUQuota.swift: how much processor time the control groups of this process grant (Linux, cgroup v1 and v2).
//
// A group's quota holds for all groups below it, so the smallest from the process's own group up to the root counts. In
// a container the root that can be seen is often the container's own group, and the path in `/proc/self/cgroup` may
// lead nowhere: what cannot be read limits nothing.

/// A reader of cgroup limits.
struct CPUQuota {
  /// The text of a file; nil where it cannot be read.
  let read: (String) -> String?
  /// Where the cgroup file systems are mounted.
  var root = "/sys/fs/cgroup"

  /// Processors' worth of time, rounded up; nil where nothing limits it.
  func cores() -> Int? {
    guard let groups = read("/proc/self/cgroup") else { return nil }
    var smallest: Int?
    for line in groups.split(separator: "\n") {
      // `0::/path` is version 2; `4:cpu,cpuacct:/path` is version 1.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let limit: Int?
      if fields[0] == "0", fields[1].isEmpty {
        limit = least(mount: root, path: fields[2], quota: version2)
      } else if fields[1].split(separator: ",").contains("cpu") {
        limit =
          least(mount: "\(root)/\(fields[1])", path: fields[2], quota: version1)
          ?? least(mount: "\(root)/cpu", path: fields[2], quota: version1)
      } else {
        continue
      }
      if let limit { smallest = min(limit, smallest ?? limit) }
    }
    return smallest
  }

  /// The least quota of `path` and of every group above it.
  private func least(mount: String, path: Substring, quota: (String) -> Int?) -> Int? {
    var parts = path.split(separator: "/")
    var smallest: Int?
    while true {
      if let cores = quota(([mount] + parts.map(String.init)).joined(separator: "/")) {
        smallest = min(cores, smallest ?? cores)
      }
      if parts.isEmpty { return smallest }
      parts.removeLast()
    }
  }

  /// `cpu.max`: `max 100000`, or microseconds of time in each period of so many microseconds.
  private func version2(_ group: String) -> Int? {
    guard let fields = read("\(group)/cpu.max")?.split(whereSeparator: \.isWhitespace), fields.count == 2 else {
      return nil
    }
    return cores(quota: Int(fields[0]), period: Int(fields[1]))
  }

  /// The same in two files; a quota of -1 is none.
  private func version1(_ group: String) -> Int? {
    func number(_ file: String) -> Int? {
      read("\(group)/\(file)")?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
    }
    return cores(quota: number("cpu.cfs_quota_us"), period: number("cpu.cfs_period_us"))
  }

  private func cores(quota: Int?, period: Int?) -> Int? {
    guard let quota, let period, quota > 0, period > 0 else { return nil }
    return quota / period + (quota % period == 0 ? 0 : 1)
  }
}
