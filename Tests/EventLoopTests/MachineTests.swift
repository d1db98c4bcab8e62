// MachineTests.swift: facts about the process are plausible; quotas are read as the kernel writes them.

import Glibc
import Testing

@testable import EventLoop

@Suite struct MachineTests {
  @Test("facts about this process are what other ways of asking say")
  func facts() throws {
    #expect(Machine.processID == Int(getpid()))
    #expect((1...4096).contains(Machine.usableCores()))
    #expect(Machine.residentBytes() > 1_000_000)
    #expect(try #require(Machine.virtualBytes()) > Int64(Machine.residentBytes()))
    let before = Machine.cpuSeconds()
    while Machine.cpuSeconds() - before < 0.01 {}
    let age = UnixClock.nanoseconds() - Machine.startTime
    #expect(age > 0 && age < 3_600_000_000_000)
    #expect(abs(UnixClock.nanoseconds() / 1_000_000_000 - Int64(time(nil))) <= 1)
    let limit = Machine.raiseDescriptorLimit()
    var now = rlimit()
    #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &now) == 0)
    #expect(now.rlim_cur == now.rlim_max && limit == Int(clamping: now.rlim_cur))
  }

  @Test("the limit on descriptors is told as it is, and raised to the hard limit only by who asks for that")
  func descriptorLimit() async {
    await #expect(processExitsWith: .success) {
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      var limit = rlimit()
      #expect(unsafe getrlimit(resource, &limit) == 0)
      limit.rlim_cur = 200
      #expect(unsafe setrlimit(resource, &limit) == 0)
      #expect(Machine.descriptorLimit() == 200)
      #expect(Machine.descriptorLimit() == 200)
      #expect(Machine.raiseDescriptorLimit() == Int(clamping: limit.rlim_max))
      #expect(Machine.descriptorLimit() == Int(clamping: limit.rlim_max))
    }
  }

  @Test("open descriptors are counted")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let before = try #require(Machine.openDescriptors())
      let opened = (0..<5).map { _ in unsafe open("/dev/null", O_RDONLY) }
      #expect(Machine.openDescriptors() == before + 5)
      for descriptor in opened { close(descriptor) }
      #expect(Machine.openDescriptors() == before)
    }
  }

  @Test("the start time is found behind a program name that looks like fields")
  func startTicks() {
    let text = "7 (a) b (c) d) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 12345 99 1"
    #expect(Machine.startTicks(in: text) == 12345)
    #expect(Machine.startTicks(in: "7 (a) S 1") == nil)
    #expect(Machine.startTicks(in: text.replacing("12345", with: "-1")) == nil)
    #expect(Machine.startTicks(in: "") == nil)
  }

  @Test(
    "the smallest quota from the group up to the root counts, rounded up",
    arguments: [
      (["/proc/self/cgroup": "0::/\n"], nil),
      (["/proc/self/cgroup": "0::/\n", "/c/cpu.max": "max 100000\n"], nil),
      (["/proc/self/cgroup": "0::/\n", "/c/cpu.max": "150000 100000\n"], 2),
      (["/proc/self/cgroup": "0::/\n", "/c/cpu.max": "1000 100000\n"], 1),
      (["/proc/self/cgroup": "0::/a/b\n", "/c/a/b/cpu.max": "800000 100000", "/c/a/cpu.max": "300000 100000"], 3),
      (["/proc/self/cgroup": "0::/a/b\n", "/c/cpu.max": "200000 100000"], 2),
      (["/proc/self/cgroup": "0::/../x\n", "/c/cpu.max": "200000 100000"], 2),
      (
        [
          "/proc/self/cgroup": "5:cpu,cpuacct:/d\n1:name=x:/\n0::/\n", "/c/cpu,cpuacct/d/cpu.cfs_quota_us": "250000\n",
          "/c/cpu,cpuacct/d/cpu.cfs_period_us": "100000\n",
        ], 3
      ),
      (
        ["/proc/self/cgroup": "5:cpu:/\n", "/c/cpu/cpu.cfs_quota_us": "-1\n", "/c/cpu/cpu.cfs_period_us": "100000\n"],
        nil
      ),
      (["/proc/self/cgroup": "0::/\n", "/c/cpu.max": "0 0\n"], nil),
      (["/proc/self/cgroup": "0::/\n", "/c/cpu.max": "99999999999999999999 1\n"], nil),
      (["/proc/self/cgroup": "0::/\n", "/c/cpu.max": "9223372036854775807 1\n"], Int.max),
      (["/proc/self/cgroup": "nonsense"], nil),
      ([:], nil),
    ] as [([String: String], Int?)])
  func quota(files: [String: String], cores: Int?) {
    #expect(CPUQuota(read: { files[$0] }, root: "/c").cores() == cores)
  }
}
