// PolicyLoaderTests.swift: real files and directories: which are read, when a load counts, and what it says otherwise.

import Glibc
import Policies
import Testing

@testable import PolicyFiles

@Suite struct PolicyLoaderTests {
  @Test("a directory is its *.yaml, *.yml and *.json in the order of their names' bytes, and nothing else")
  func directory() throws {
    let directory = TemporaryDirectory()
    for name in ["b.yaml", "a.yml", "C.json", "é.yaml"] { directory.write(name, one("p-\(name.utf8.first ?? 0)")) }
    for name in [
      ".x.yaml", "#x.yaml#", "#x.yaml", ".#x.yaml", "x.yaml~", ".x.yaml.swp", "4913", "x.yaml.tmp",
      "x.yaml___jb_tmp___",
      ".yaml", "yaml", "x.YAML", "README.md",
    ] { directory.write(name, "not: policies") }
    directory.makeDirectory("sub")
    directory.write("sub/x.yaml", "not: policies")
    let loaded = try directory.load()
    #expect(loaded.files.map(\.path) == ["C.json", "a.yml", "b.yaml", "é.yaml"].map { directory.path + "/" + $0 })
    #expect(loaded.policies.map(\.name) == ["p-67", "p-97", "p-98", "p-195"])
  }

  @Test("a directory or a pipe with a policy file's name is skipped with a warning, and never opened")
  func noFiles() throws {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", one("a"))
    directory.makeDirectory("b.yaml")
    #expect(unsafe mkfifo(directory.path + "/c.yaml", 0o600) == 0)
    let loaded = try directory.load()
    #expect(loaded.policies.map(\.name) == ["a"])
    #expect(
      loaded.warnings.map(\.text) == [
        "\(directory.path)/b.yaml: warning: is no file; skipped",
        "\(directory.path)/c.yaml: warning: is no file; skipped",
      ])
  }

  @Test("a path may be one file of any name; JSON is a policy file, too")
  func oneFile() throws {
    let directory = TemporaryDirectory()
    directory.write("limits", "{\"policies\": [{\"name\": \"a\", \"limit\": 1, \"period\": \"1s\"}]}")
    guard case .loaded(let loaded) = PolicyLoader.load(path: directory.path + "/limits") else {
      Issue.record("not loaded")
      return
    }
    #expect(loaded.files == [LoadedFile(path: directory.path + "/limits", domain: "default")])
    #expect(loaded.policies.map(\.source.file) == [directory.path + "/limits"])
  }

  @Test("no files, and no policies, load with a warning")
  func empty() throws {
    let directory = TemporaryDirectory()
    #expect(
      try directory.load().warnings.map(\.text) == [
        "\(directory.path): warning: holds no policy files (*.yaml, *.yml, *.json): nothing is limited"
      ])
    directory.write("a.yaml", "policies: []")
    #expect(
      try directory.load().warnings.map(\.text) == ["\(directory.path): warning: holds no policies: nothing is limited"]
    )
  }

  @Test("faulty files give their diagnostics, with the path as the user named it")
  func invalid() {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", "policies: 1")
    directory.write("b.yaml", "")
    guard case .invalid(let diagnostics) = PolicyLoader.load(path: directory.path + "/") else {
      Issue.record("not invalid")
      return
    }
    #expect(
      diagnostics.map(\.text) == [
        "\(directory.path)/a.yaml:1:11: policies: must be a list, not \"1\"; write policies: [] for none",
        "\(directory.path)/b.yaml:1:1: the file is empty; write policies: [] for none",
      ])
  }

  @Test("a file above the bound is a diagnostic and is not read whole")
  func bigFile() {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", "")
    #expect(unsafe truncate(directory.path + "/a.yaml", 1 << 40) == 0)
    guard case .invalid(let diagnostics) = PolicyLoader.load(path: directory.path) else {
      Issue.record("not invalid")
      return
    }
    #expect(diagnostics.map(\.text) == ["\(directory.path)/a.yaml:1:1: the file has more than 8388608 bytes"])
  }

  @Test("the files of a directory together are bounded")
  func bigDirectory() {
    let directory = TemporaryDirectory()
    for number in 1...9 {
      directory.write("\(number).yaml", "")
      #expect(unsafe truncate(directory.path + "/\(number).yaml", 8 << 20) == 0)
    }
    guard case .unreadable(let problems) = PolicyLoader.load(path: directory.path) else {
      Issue.record("not unreadable")
      return
    }
    #expect(
      problems == [
        PolicyLoader.Unreadable(
          path: directory.path + "/9.yaml", reason: "all files together have more than 67108864 bytes")
      ])
  }

  @Test("what is missing or unreadable is named with the reason, and one such file fails the load")
  func unreadable() {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", one("a"))
    directory.link("b.yaml", to: "nowhere")
    directory.link("c.yaml", to: "c.yaml")
    let expected = [
      PolicyLoader.Unreadable(path: directory.path + "/b.yaml", reason: "no such file or directory"),
      PolicyLoader.Unreadable(path: directory.path + "/c.yaml", reason: "too many symbolic links"),
    ]
    guard case .unreadable(let problems) = PolicyLoader.load(path: directory.path) else {
      Issue.record("not unreadable")
      return
    }
    #expect(problems == expected)
    for (path, reason) in [
      (directory.path + "/none", "no such file or directory"), ("/dev/null", "is neither a file nor a directory"),
      (directory.path + "/a.yaml/x", "a part of the path is no directory"), ("", "no such file or directory"),
    ] {
      guard case .unreadable(let problems) = PolicyLoader.load(path: path) else {
        Issue.record("not unreadable: \(path)")
        continue
      }
      #expect(problems.map(\.reason) == [reason])
    }
  }

  @Test("a file without permission fails the load", .disabled(if: geteuid() == 0, "root may read everything"))
  func permission() {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", one("a"))
    #expect(unsafe chmod(directory.path + "/a.yaml", 0) == 0)
    guard case .unreadable(let problems) = PolicyLoader.load(path: directory.path) else {
      Issue.record("not unreadable")
      return
    }
    #expect(problems == [PolicyLoader.Unreadable(path: directory.path + "/a.yaml", reason: "permission denied")])
  }

  enum Change: CaseIterable {
    case write, append, touch, replace, add, remove, removeDirectory
  }

  @Test("a load during which a file was written, replaced, added or removed does not count", arguments: Change.allCases)
  func changed(change: Change) {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", one("a"))
    let before = PolicyLoader.signature(path: directory.path)
    let result = PolicyLoader.load(path: directory.path, options: .init()) {
      switch change {
      case .write: directory.write("a.yaml", one("b"))
      case .append: directory.write("a.yaml", one("a") + "# more")
      case .touch: unsafe utimes(directory.path + "/a.yaml", nil)
      case .replace:
        directory.write(".new", one("a"))
        unsafe rename(directory.path + "/.new", directory.path + "/a.yaml")
      case .add: directory.write("b.yaml", one("b"))
      case .remove: unsafe unlink(directory.path + "/a.yaml")
      case .removeDirectory: directory.remove()
      }
    }
    guard case .changed = result else {
      Issue.record("counted")
      return
    }
    #expect(PolicyLoader.signature(path: directory.path) != before)
  }

  @Test("what editors do beside the policy files changes nothing")
  func bystanders() {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", one("a"))
    let before = PolicyLoader.signature(path: directory.path)
    let result = PolicyLoader.load(path: directory.path, options: .init()) {
      directory.write(".a.yaml.swp", "x")
      directory.write("4913", "x")
    }
    guard case .loaded = result else {
      Issue.record("not loaded")
      return
    }
    #expect(PolicyLoader.signature(path: directory.path) == before)
  }

  @Test("a file that is no longer the listed one is not read")
  func otherFile() throws {
    let directory = TemporaryDirectory()
    directory.write("a.yaml", one("a"))
    let listed = try FileIdentity.of(path: directory.path + "/a.yaml").get()
    #expect(FileBytes.read(path: directory.path + "/a.yaml", expecting: listed) == .success(Array(one("a").utf8)))
    directory.write("a.yaml", "")
    #expect(FileBytes.read(path: directory.path + "/a.yaml", expecting: listed) == .failure(.changed))
    #expect(FileBytes.read(path: directory.path + "/gone.yaml", expecting: listed) == .failure(.changed))
  }

  @Test("a ConfigMap volume reads like plain files, and its swap is seen")
  func configMap() throws {
    let directory = TemporaryDirectory()
    directory.makeDirectory("..2026_01")
    directory.write("..2026_01/x.yaml", one("old"))
    directory.link("..data", to: "..2026_01")
    directory.link("x.yaml", to: "..data/x.yaml")
    let before = PolicyLoader.signature(path: directory.path)
    #expect(try directory.load().policies.map(\.name) == ["old"])
    #expect(PolicyLoader.signature(path: directory.path) == before)

    let swap = {
      directory.makeDirectory("..2026_02")
      directory.write("..2026_02/x.yaml", one("new"))
      directory.link("..data_tmp", to: "..2026_02")
      unsafe rename(directory.path + "/..data_tmp", directory.path + "/..data")
    }
    guard case .changed = PolicyLoader.load(path: directory.path, options: .init(), afterReading: { _ = swap() }) else {
      Issue.record("counted")
      return
    }
    #expect(PolicyLoader.signature(path: directory.path) != before)
    #expect(try directory.load().policies.map(\.name) == ["new"])
  }

  @Test("the fingerprint is that of domain, name and bytes, wherever the files are")
  func fingerprint() throws {
    func sha256(_ files: [(String, String)]) throws -> String {
      let directory = TemporaryDirectory()
      for (name, text) in files { directory.write(name, text) }
      return try directory.load().sha256
    }
    // The same from another hand: for each part its length as eight bytes, then its bytes.
    let known = try sha256([("a.yaml", "policies: []\n")])
    #expect(known == "bb6bd29fdf081d169fc8195d99d472881117060121532a88de1c0d893ee04560")
    #expect(try sha256([("a.yaml", "policies: []\n")]) == known)
    #expect(try sha256([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    let others = [
      [("b.yaml", "policies: []\n")], [("a.yaml", "policies: [] \n")], [("a.yaml", "domain: api\npolicies: []\n")],
      [("a.yaml", "policies: []\n"), ("b.yaml", "policies: []\n")],
    ]
    let all = try others.map(sha256)
    #expect(Set(all + [known]).count == 5)
  }

  @Test("the examples load without a warning and say what the README tells")
  func examples() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    guard case .loaded(let loaded) = PolicyLoader.load(path: "/\(root)/policies") else {
      Issue.record("not loaded")
      return
    }
    #expect(loaded.warnings == [])
    #expect(loaded.files.map(\.domain) == ["api", "default"])
    let client = try #require(loaded.policies.first { $0.domain == "default" && $0.name == "per-client" })
    #expect(client.key == [.header("x-client")] && client.match.isEmpty)
  }
}
