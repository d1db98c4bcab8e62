// ReloaderTests.swift: changes of policy files, as people, editors and kubelets make them, and what is in force then.

import EventLoop
import Limiting
import Policies
import PolicyFiles
import TestKit
import Testing

@testable import Sidecar

@Suite struct ReloaderTests {
  static func rig() throws -> LoadingRig { try LoadingRig { try $0.write("p.yaml", file("a=1")) } }

  @Test("a file written in place comes into force")
  func inPlace() throws {
    let rig = try Self.rig()
    try rig.directory.write("p.yaml", file("a=2", "b=3"))
    #expect(rig.becomes("a=2", "b=3"))
    #expect(rig.status.generation == 2)
    #expect(rig.status.successes == 2)
    #expect(rig.status.failures == 0)
    #expect(rig.status.loaded.policies.count == 2)
    #expect(rig.status.slots == rig.adopted.last?.set.slots)
    #expect(rig.lines.count(containing: "policies loaded") == 1)
  }

  @Test("a file renamed over another comes into force, again and again")
  func renameOver() throws {
    let rig = try Self.rig()
    for limit in 2...4 {
      try rig.directory.replace("p.yaml", file("a=\(limit)"))
      #expect(rig.becomes("a=\(limit)"))
    }
    #expect(rig.status.generation == 4)
  }

  @Test("files that are added, removed, moved in and moved away count")
  func filesComeAndGo() throws {
    let rig = try Self.rig()
    try rig.directory.write("q.yml", file("b"))
    #expect(rig.becomes("a=1", "b=1"))
    try rig.directory.move("q.yml", to: "q.off")
    #expect(rig.becomes("a=1"))
    try rig.directory.move("q.off", to: "a.json")
    #expect(rig.becomes("b=1", "a=1"))
    try rig.directory.remove("p.yaml")
    #expect(rig.becomes("b=1"))
  }

  @Test("files that are no policy files change nothing")
  func otherFiles() throws {
    let rig = try Self.rig()
    for name in [".p.yaml.swp", "p.yaml~", "README", ".hidden.yaml", "p.yaml.bak"] {
      try rig.directory.write(name, "nonsense: [")
    }
    rig.settle()
    #expect(rig.adopted.count == 1)
    #expect(rig.status.failures == 0)
    #expect(rig.status.lastError == nil)
  }

  @Test("a swap of a ConfigMap volume comes into force whole")
  func configMap() throws {
    let rig = try LoadingRig { directory in
      try Self.publish("1", file("a=1"), file("b=1"), in: directory)
      try directory.link("..data", to: "..1")
      for name in ["p.yaml", "q.yaml"] { try directory.link(name, to: "..data/\(name)") }
    }
    for number in 2...4 {
      try Self.publish("\(number)", file("a=\(number)"), file("b=\(number)"), in: rig.directory)
      try rig.directory.link("..data_tmp", to: "..\(number)")
      try rig.directory.move("..data_tmp", to: "..data")
      try rig.directory.remove("..\(number - 1)")
      #expect(rig.becomes("a=\(number)", "b=\(number)"))
    }
    #expect(rig.adopted.count == 4)
    #expect(rig.status.failures == 0)
  }

  private static func publish(_ name: String, _ p: String, _ q: String, in directory: TemporaryDirectory) throws {
    try directory.makeDirectory("..\(name)")
    try directory.write("..\(name)/p.yaml", p)
    try directory.write("..\(name)/q.yaml", q)
  }

  @Test("a file that a link leads to is watched where it stands")
  func linkedFile() throws {
    let rig = try LoadingRig(path: "policies") { directory in
      try directory.makeDirectory("policies")
      try directory.makeDirectory("elsewhere")
      try directory.write("elsewhere/real.yaml", file("a=1"))
      try directory.link("policies/p.yaml", to: "../elsewhere/real.yaml")
    }
    try rig.directory.write("elsewhere/real.yaml", file("a=2"))
    #expect(rig.becomes("a=2"))
    try rig.directory.write("elsewhere/next.yaml", file("a=3"))
    try rig.directory.move("elsewhere/next.yaml", to: "elsewhere/real.yaml")
    #expect(rig.becomes("a=3"))
  }

  @Test("a link on the way is watched where it stands: a release that is switched by one, and files behind two")
  func turnedLink() throws {
    let rig = try LoadingRig(path: "current/policies") { directory in
      for (number, version) in ["v1", "v2"].enumerated() {
        try directory.makeDirectory(version)
        try directory.makeDirectory("\(version)/policies")
        try directory.makeDirectory("volume-\(version)")
        try directory.write("volume-\(version)/q.yaml", file("b=\(number + 1)"))
        try directory.write("\(version)/policies/p.yaml", file("a=\(number + 1)"))
        // Of this link the end is watched, which is not touched when the link behind it is turned.
        try directory.link("\(version)/policies/q.yaml", to: "../../volume/q.yaml")
      }
      try directory.link("current", to: "v1")
      try directory.link("volume", to: directory.file("volume-v1"))
    }
    #expect(rig.inForce == ["a=1", "b=1"])
    try rig.directory.link("next", to: "v2")
    try rig.directory.move("next", to: "current")
    #expect(rig.becomes("a=2", "b=1"))
    try rig.directory.link("next", to: "volume-v2")
    try rig.directory.move("next", to: "volume")
    #expect(rig.becomes("a=2", "b=2"))
  }

  @Test("a path may be one file of any name")
  func oneFile() throws {
    let rig = try LoadingRig(path: "limits.conf") { try $0.write("limits.conf", file("a=1")) }
    try rig.directory.write("limits.conf", file("a=2"))
    #expect(rig.becomes("a=2"))
    try rig.directory.replace("limits.conf", file("a=3"))
    #expect(rig.becomes("a=3"))
    try rig.directory.write("other.yaml", file("b"))
    rig.settle()
    #expect(rig.inForce == ["a=3"])
  }

  // MARK: What is wrong

  @Test("an error keeps the set in force and is shown; the repaired file comes into force and clears it")
  func brokenThenFixed() throws {
    let rig = try Self.rig()
    try rig.directory.write("p.yaml", "policies: [{name: a, limit: none, period: 1s}]\n")
    #expect(rig.isRejected())
    #expect(rig.inForce == ["a=1"])
    #expect(rig.status.failures >= 1)
    #expect(rig.status.lastFailureAt > 0)
    #expect(rig.status.lastError?.contains { $0.contains("p.yaml:1:") } == true)
    #expect(rig.status.loaded.policies.map(\.limit.limit) == [1])
    try rig.directory.write("p.yaml", file("a=2"))
    #expect(rig.becomes("a=2"))
    #expect(rig.status.lastError == nil)
    #expect(rig.status.generation == 2)
  }

  @Test("one file's error keeps all files' policies as they were")
  func oneOfTwo() throws {
    let rig = try Self.rig()
    try rig.directory.write("p.yaml", file("a=2"))
    #expect(rig.becomes("a=2"))
    try rig.directory.write("q.yaml", "policies: [")
    try rig.directory.write("p.yaml", file("a=3"))
    #expect(rig.isRejected())
    rig.settle()
    #expect(rig.inForce == ["a=2"])
    try rig.directory.remove("q.yaml")
    #expect(rig.becomes("a=3"))
  }

  @Test("a file that is restored as it was clears the error, and nothing is adopted anew")
  func restored() throws {
    let rig = try Self.rig()
    try rig.directory.write("p.yaml", "")
    #expect(rig.isRejected())
    try rig.directory.write("p.yaml", file("a=1"))
    #expect(rig.test.run { rig.status.lastError == nil })
    #expect(rig.adopted.count == 1)
    #expect(rig.status.generation == 1)
    // So that an alert on "failed after it last succeeded" ends.
    #expect(rig.status.lastSuccessAt > rig.status.lastFailureAt && rig.status.lastFailureAt > rig.status.loadedAt)
  }

  @Test("the same error is logged once, though the files changed")
  func loggedOnce() throws {
    let rig = try Self.rig()
    try rig.directory.write("p.yaml", "policies: [")
    #expect(rig.isRejected())
    for _ in 0..<3 {
      let failures = rig.status.failures
      rig.reloader.reloadNow()
      #expect(rig.test.run { rig.status.failures > failures })
    }
    #expect(rig.lines.count(containing: "policies rejected") == 1)
    #expect(rig.lines.count(containing: "reload requested") == 3)
  }

  @Test("a missing path keeps the set in force, and one that comes back is loaded")
  func missingPath() throws {
    let rig = try LoadingRig(path: "policies") { directory in
      try directory.makeDirectory("policies")
      try directory.write("policies/p.yaml", file("a=1"))
    }
    try rig.directory.move("policies", to: "moved")
    #expect(rig.isRejected())
    #expect(rig.status.lastError?.contains { $0.contains("no such file") } == true)
    #expect(rig.inForce == ["a=1"])
    try rig.directory.write("moved/p.yaml", file("a=2"))
    rig.settle()
    #expect(rig.inForce == ["a=1"])
    try rig.directory.move("moved", to: "policies")
    #expect(rig.becomes("a=2"))
    // The directory that came back is watched too.
    try rig.directory.write("policies/p.yaml", file("a=3"))
    #expect(rig.becomes("a=3"))
  }

  @Test("what cannot be read is tried again though no event tells that it can be")
  func unreadable() throws {
    let rig = try LoadingRig(path: "policies") { directory in
      try directory.makeDirectory("policies")
      try directory.write("policies/p.yaml", file("a=1"))
      try directory.makeDirectory("elsewhere")
    }
    try rig.directory.link("policies/q.yaml", to: "../elsewhere/absent/real.yaml")
    #expect(rig.isRejected())
    // Of this nothing is seen from the directory that is watched.
    try rig.directory.makeDirectory("elsewhere/absent")
    try rig.directory.write("elsewhere/absent/real.yaml", file("b=1"))
    #expect(rig.becomes("a=1", "b=1"))
  }

  @Test("an emptied directory lifts the limits, as does a file that says so")
  func emptied() throws {
    let rig = try Self.rig()
    try rig.directory.remove("p.yaml")
    #expect(rig.becomes())
    #expect(rig.status.lastError == nil)
    #expect(rig.lines.count(containing: "policy warning") == 1)
    try rig.directory.write("p.yaml", file("a=1"))
    #expect(rig.becomes("a=1"))
    try rig.directory.write("p.yaml", "policies: []\n")
    #expect(rig.becomes())
  }

  // MARK: Many changes, and changes at a bad moment

  @Test("a storm of changes is few loads, and the last one stays in force")
  func storm() throws {
    let rig = try Self.rig()
    var number = 1
    let isOver = rig.test.run {
      number += 1
      try? rig.directory.write("p.yaml", file("a=\(number)"))
      return number >= 300
    }
    #expect(isOver)
    #expect(rig.becomes("a=300"))
    rig.settle()
    #expect(rig.inForce == ["a=300"])
    #expect(rig.status.generation < 30)
    #expect(rig.status.failures < 30)
    #expect(rig.status.lastError == nil)
  }

  @Test("while changes go on, a load begins all the same within its time")
  func endlessStorm() throws {
    let rig = try Self.rig()
    // On a machine that stalls a storm may be none: then another one is tried.
    for limit in 2...20 {
      // Other files' events are events too; the policy file itself holds still.
      try rig.directory.write("p.yaml", file("a=\(limit)"))
      var number = 0
      let isLoaded = rig.test.run(seconds: 8) {
        number += 1
        try? rig.directory.write("noise", "\(number)")
        return rig.inForce == ["a=\(limit)"]
      }
      #expect(isLoaded)
      if number > 20 { return }
    }
    Issue.record("no storm was dense enough")
  }

  @Test("a change in the moment in which a set comes into force is not lost")
  func changeWhileAdopting() throws {
    // Two levels deep, so that no event of the directory above hides a lost one.
    let rig = try LoadingRig(path: "policies") { directory in
      try directory.makeDirectory("policies")
      try directory.write("policies/p.yaml", file("a=1"))
    }
    var changes = 0
    rig.onAdopt = {
      guard changes < 3 else { return }
      changes += 1
      try? rig.directory.write("policies/p.yaml", file("a=\(10 + changes)"))
    }
    try rig.directory.write("policies/p.yaml", file("a=2"))
    #expect(rig.becomes("a=13"))
  }

  @Test("two requests at once are answered by loads that end")
  func reloadNow() throws {
    let rig = try Self.rig()
    rig.reloader.reloadNow()
    rig.reloader.reloadNow()
    try rig.directory.write("p.yaml", file("a=2"))
    rig.reloader.reloadNow()
    #expect(rig.becomes("a=2"))
    #expect(rig.status.generation == 2)
  }

  @Test("a reloader that is stopped notices nothing more, and what it was loading does not come into force")
  func stopped() throws {
    let rig = try Self.rig()
    try rig.directory.write("p.yaml", file("a=2"))
    rig.reloader.reloadNow()
    rig.reloader.stop()
    rig.settle()
    try rig.directory.write("p.yaml", file("a=3"))
    rig.settle()
    #expect(rig.adopted.count == 1)
    rig.reloader.stop()
  }
}
