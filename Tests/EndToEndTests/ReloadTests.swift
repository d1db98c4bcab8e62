// ReloadTests.swift: policy files change under a running weir, in every way in which editors, people and Kubernetes
// change files.

import Glibc
import TestKit
import Testing

@Suite struct ReloadTests {
  /// One policy whose limit tells which version of the file is in force.
  static func set(_ limit: Int, name: String = "a", rest: String = "") -> String {
    "policies: [{name: \(name), algorithm: token-bucket, limit: \(limit), period: \(forever)\(rest)}]\n"
  }

  /// A way to put `text` in the place of `test.yaml`.
  enum Change: String, CaseIterable, Sendable {
    case inPlace, renamedOver, movedAwayAndBack, removedAndAdded, dripped, editorTemporaries

    func apply(_ text: String, in directory: TemporaryDirectory) throws {
      switch self {
      case .inPlace:
        try directory.write("test.yaml", text)
      case .renamedOver:
        try directory.replace("test.yaml", text)
      case .movedAwayAndBack:
        try directory.move("test.yaml", to: "test.yaml.old")
        try directory.write("test.yaml.old", text)
        try directory.move("test.yaml.old", to: "test.yaml")
      case .removedAndAdded:
        try directory.remove("test.yaml")
        pause(seconds: 1)
        try directory.write("test.yaml", text)
      case .dripped:
        // A slow copy: every part of it is a broken file, which must not lift the limits.
        for end in stride(from: 0, through: text.utf8.count, by: 12) {
          try directory.write("test.yaml", String(text.prefix(end)))
          pause(seconds: 0.02)
        }
        try directory.write("test.yaml", text)
      case .editorTemporaries:
        try directory.write(".test.yaml.swp", "nonsense: [")
        try directory.write("4913", "")
        try directory.remove("4913")
        try directory.move("test.yaml", to: "test.yaml~")
        try directory.write("test.yaml", text)
        try directory.write("#test.yaml#", "nonsense: [")
        try directory.remove(".test.yaml.swp")
      }
    }
  }

  @Test("a changed file takes effect, and counters are kept", arguments: Change.allCases)
  func changed(change: Change) throws {
    let weir = try WeirProcess(Self.set(3))
    #expect(try statuses(weir, 4, "/check/a") == [200, 200, 200, 429])
    try change.apply(Self.set(10), in: weir.policies)
    try weir.waitForLimit(10)
    #expect(try weir.look() == 7)
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 6)
    try change.apply(Self.set(2), in: weir.policies)
    try weir.waitForLimit(2)
    #expect(try weir.look() == 0)
    #expect(try weir.request("GET", "/check/a").status == 429)
  }

  @Test("files are added, removed, and moved in and out of the directory")
  func addedAndRemoved() throws {
    let weir = try WeirProcess(Self.set(3))
    try weir.policies.write("more.yml", Self.set(2, name: "b"))
    try weir.waitForLimit(2)
    try weir.policies.write(
      "json.json", #"{"policies": [{"name": "c", "algorithm": "fixed-window", "limit": 1, "period": "1d"}]}"#)
    try weir.waitForLimit(1)
    try weir.policies.remove("json.json")
    try weir.waitForLimit(2)
    try weir.policies.move("more.yml", to: "../\(weir.policies.path.split(separator: "/").last!)-moved.yml")
    try weir.waitForLimit(3)
    unsafe unlink(weir.policies.path + "-moved.yml")
    try weir.policies.remove("test.yaml")
    try weir.waitForLimit(nil)
    try weir.policies.write("test.yaml", Self.set(4))
    try weir.waitForLimit(4)
  }

  /// Puts a set with `limit` into a ConfigMap volume as the kubelet does: a directory of its own, to which `..data` then
  /// leads by one rename.
  private static func swapVolume(to limit: Int, in directory: TemporaryDirectory) throws {
    try directory.makeDirectory("..version-\(limit)")
    try directory.write("..version-\(limit)/test.yaml", set(limit))
    try directory.link("..data_tmp", to: "..version-\(limit)")
    try directory.move("..data_tmp", to: "..data")
  }

  @Test("a Kubernetes ConfigMap volume changes by its ..data link")
  func configMap() throws {
    let directory = try TemporaryDirectory()
    try Self.swapVolume(to: 3, in: directory)
    try directory.link("test.yaml", to: "..data/test.yaml")
    let weir = try WeirProcess(directory: directory)
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 2)
    for (old, limit) in [(3, 10), (10, 20)] {
      try Self.swapVolume(to: limit, in: directory)
      try directory.remove("..version-\(old)")
      try weir.waitForLimit(limit)
      #expect(try weir.look() == limit - 1)
    }
  }

  /// Changes that happen at one instant, and whose events come at once.
  enum AtOnce: String, CaseIterable, Sendable {
    case inPlace, renamedOver, dataLink
  }

  /// The best of five counts, since the machine may stall. Without events weir looks at the files every ten seconds, and
  /// once more right after a load: no change is made so soon behind another that this would see it.
  @Test("a change is in force within a second", arguments: AtOnce.allCases)
  func withinASecond(kind: AtOnce) throws {
    let directory = try TemporaryDirectory()
    func change(to limit: Int) throws {
      switch kind {
      case .inPlace: try directory.write("test.yaml", Self.set(limit))
      case .renamedOver: try directory.replace("test.yaml", Self.set(limit))
      case .dataLink: try Self.swapVolume(to: limit, in: directory)
      }
    }
    try change(to: 1)
    if kind == .dataLink { try directory.link("test.yaml", to: "..data/test.yaml") }
    let weir = try WeirProcess(directory: directory)
    // Not measured: weir also looks once it has started.
    try change(to: 2)
    try weir.waitForLimit(2)
    var times: [Duration] = []
    for limit in 3...7 where !times.contains(where: { $0 <= .seconds(1) }) {
      pause(seconds: 0.3)
      let start = ContinuousClock.now
      try change(to: limit)
      try weir.waitForLimit(limit)
      times.append(ContinuousClock.now - start)
    }
    #expect(times.contains { $0 <= .seconds(1) }, "each took \(times)")
  }

  @Test("PATH may be one file", arguments: [Change.inPlace, .renamedOver, .movedAwayAndBack, .removedAndAdded])
  func singleFile(change: Change) throws {
    let directory = try TemporaryDirectory()
    try directory.write("test.yaml", Self.set(3))
    try directory.write("other.yaml", "nonsense")
    let weir = try WeirProcess(arguments: ["--policies", directory.file("test.yaml")])
    #expect(try weir.request("GET", "/check/a").int("X-RateLimit-Remaining") == 2)
    try change.apply(Self.set(10), in: directory)
    try weir.waitForLimit(10)
    #expect(try weir.look() == 9)
  }

  @Test("a broken file keeps the old set in force, and is counted, logged and shown at /policies until it is mended")
  func broken() throws {
    let weir = try WeirProcess(Self.set(3))
    #expect(try weir.adminRequest("/policies").json?["last_error"] == .null)
    for text in ["policies: [{name: a, limit: many}]", "policies:", "", "policies: [", "{}", "nonsense: 1"] {
      try weir.policies.write("test.yaml", text)
      try eventually("\(text) is shown") {
        let page = try weir.adminRequest("/policies")
        return page.json?["last_error"] != .null && page.text.contains("test.yaml:")
      }
      #expect(try weir.json(#"{"cost": 0}"#).json?["limit"]?.int == 3, "\(text)")
    }
    #expect((try weir.metric("weir_reloads_total", ["outcome": "failure"]) ?? 0) >= 1)
    #expect(weir.standardError.contains("test.yaml:1:"))
    try weir.policies.write("test.yaml", Self.set(5))
    try weir.waitForLimit(5)
    try eventually("the error is gone") { try weir.adminRequest("/policies").json?["last_error"] == .null }
    #expect((try weir.metric("weir_reloads_total", ["outcome": "success"]) ?? 0) >= 1)
  }

  @Test("an error in one file keeps all files' old policies in force")
  func brokenAmongOthers() throws {
    let weir = try WeirProcess(Self.set(3))
    try weir.policies.write("b.yaml", "policies: [{nam: b}]")
    try weir.policies.write("test.yaml", Self.set(9))
    try eventually("the error is shown") { try weir.adminRequest("/policies").text.contains("b.yaml:1:") }
    #expect(try weir.json(#"{"cost": 0}"#).json?["limit"]?.int == 3)
    try weir.policies.remove("b.yaml")
    try weir.waitForLimit(9)
  }

  @Test("a missing PATH keeps the old set, an emptied directory does not")
  func missingPath() throws {
    let weir = try WeirProcess(Self.set(3))
    let gone = "../\(weir.policies.path.split(separator: "/").last!)-gone"
    guard unsafe rename(weir.policies.path, weir.policies.file(gone)) == 0 else { throw SystemFailure("rename") }
    weir.signal(SIGHUP)
    pause(seconds: 1.5)
    #expect(try weir.json(#"{"cost": 0}"#).json?["limit"]?.int == 3)
    guard unsafe rename(weir.policies.path + "-gone", weir.policies.path) == 0 else { throw SystemFailure("rename") }
    try weir.policies.write("test.yaml", Self.set(4))
    try eventually("the directory that came back counts", within: 30) {
      try weir.json(#"{"cost": 0}"#).json?["limit"]?.int == 4
    }
    try weir.policies.remove("test.yaml")
    try weir.waitForLimit(nil)
  }

  @Test("counters outlive a change of mode, and the policy's removal for a while, but not a change of key or algorithm")
  func identity() throws {
    let weir = try WeirProcess(Self.set(5))
    #expect(try statuses(weir, 3, "/check/a") == [200, 200, 200])
    try weir.policies.write("test.yaml", Self.set(6, rest: ", mode: shadow"))
    try weir.waitForLimit(nil)
    try weir.policies.write("test.yaml", Self.set(7, rest: ", mode: enforce, description: again, match: {path: /a}"))
    try weir.waitForLimit(7, #"{"path": "/a"}"#)
    #expect(try weir.look(#"{"path": "/a"}"#) == 4)

    try weir.policies.write("test.yaml", "policies: []")
    try weir.waitForLimit(nil, #"{"path": "/a"}"#)
    try weir.policies.write("test.yaml", Self.set(8))
    try weir.waitForLimit(8)
    #expect(try weir.look() == 5)

    try weir.policies.write("test.yaml", Self.set(9, rest: ", key: [v]"))
    try weir.waitForLimit(9, #"{"v": "1"}"#)
    #expect(try weir.look(#"{"v": "1"}"#) == 9)
    try weir.policies.write("test.yaml", "policies: [{name: a, algorithm: fixed-window, limit: 10, period: 1d}]")
    try weir.waitForLimit(10)
    #expect(try weir.look() == 10)
  }

  @Test("SIGHUP reloads and ends nothing")
  func hangUp() throws {
    let weir = try WeirProcess(Self.set(3))
    #expect(try weir.request("GET", "/check/a").status == 200)
    for limit in 4...6 {
      try weir.policies.write("test.yaml", Self.set(limit))
      weir.signal(SIGHUP)
      try weir.waitForLimit(limit)
    }
    #expect(try weir.look() == 5)
    #expect(weir.poll() == nil)
  }

  @Test("under load, no change of the files fails one check, drops one connection or loses one count")
  func underLoad() throws {
    // A window, which regains nothing before it ends: a bucket this large would give back a unit in half a minute.
    func set(_ limit: Int) -> String {
      "policies: [{name: a, algorithm: fixed-window, limit: \(limit), period: \(forever)}]\n"
    }
    let weir = try WeirProcess(set(1_000_000))
    let tally = Tally()
    let load = Background(threads: 4) { _ in
      let client = try weir.client()
      var last = 0
      for _ in 0..<300 {
        let response = try client.request("GET", "/check/a")
        guard response.status == 200, let limit = response.int("X-RateLimit-Limit"),
          let remaining = response.int("X-RateLimit-Remaining")
        else { throw MalformedResponse(description: "\(response.status) \(response.headers)") }
        tally.add(response.status)
        // Whichever limit is in force, more is used up than before: this check at least.
        guard remaining - limit < last else { throw MalformedResponse(description: "a count was lost") }
        last = remaining - limit
      }
    }
    // A storm: a write every few milliseconds, some of them broken.
    for step in 0..<300 {
      let text = step % 10 == 9 ? "policies:" : set(1_000_000 + step)
      if step % 2 == 0 {
        try weir.policies.replace("test.yaml", text)
      } else {
        try weir.policies.write("test.yaml", text)
      }
      pause(seconds: 0.01)
    }
    try weir.policies.write("test.yaml", set(1_999_999))
    try weir.waitForLimit(1_999_999)
    try load.stop()
    #expect(tally.total > 0)
    #expect(try weir.look() == 1_999_999 - tally.total)
    #expect(weir.poll() == nil)
  }
}
