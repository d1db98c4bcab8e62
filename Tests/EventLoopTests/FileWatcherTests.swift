// FileWatcherTests.swift: what happens to a directory is reported, its end too.

import Glibc
import TestKit
import Testing

@testable import EventLoop

@Suite struct FileWatcherTests {
  private func makeDirectory() -> String {
    let path = temporaryPath("watch")
    unsafe mkdir(path, 0o700)
    return path
  }

  private func write(_ path: String) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    _ = unsafe Glibc.write(descriptor, "x", 1)
    close(descriptor)
  }

  @Test("creating, writing, renaming over and removing an entry are reported with its name")
  func entries() throws {
    let test = try TestLoop()
    let directory = makeDirectory()
    defer { unsafe rmdir(directory) }
    var events: [FileEvent] = []
    let watcher = try FileWatcher(loop: test.loop, path: directory) { events.append($0) }
    for (action, name) in [
      ({ self.write(directory + "/a.yaml") }, "a.yaml"),
      ({ self.write(directory + "/a.yaml") }, "a.yaml"),
      ({ self.write(directory + "/new.tmp") }, "new.tmp"),
      ({ unsafe rename(directory + "/new.tmp", directory + "/a.yaml") }, "a.yaml"),
      ({ unsafe unlink(directory + "/a.yaml") }, "a.yaml"),
      ({ unsafe symlink("target", directory + "/..data") }, "..data"),
      ({ unsafe unlink(directory + "/..data") }, "..data"),
    ] as [(() -> Void, String)] {
      events = []
      action()
      #expect(test.run { events.contains(.changed(name: name)) }, "\(name): \(events)")
    }
    watcher.close()
    watcher.close()
    write(directory + "/late")
    events = []
    test.run(turns: 5)
    #expect(events == [])
    unsafe unlink(directory + "/late")
  }

  @Test("a watch whose directory is removed or renamed says so, once", arguments: [true, false])
  func dies(isRemoved: Bool) throws {
    let test = try TestLoop()
    let directory = makeDirectory()
    var events: [FileEvent] = []
    let watcher = try FileWatcher(loop: test.loop, path: directory + "/") { events.append($0) }
    if isRemoved { unsafe rmdir(directory) } else { unsafe rename(directory, directory + "-moved") }
    defer { unsafe rmdir(directory + "-moved") }
    #expect(test.run { events.contains(.lost) })
    test.run(turns: 5)
    #expect(events.filter { $0 == .lost }.count == 1)
    #expect(events.last == .lost)
    watcher.close()
  }

  @Test("an entry with the directory's own name is an ordinary change")
  func sameName() throws {
    let test = try TestLoop()
    let directory = makeDirectory()
    let name = String(directory.split(separator: "/").last ?? "")
    var events: [FileEvent] = []
    let watcher = try FileWatcher(loop: test.loop, path: directory) { events.append($0) }
    write("\(directory)/\(name)")
    #expect(test.run { events.contains(.changed(name: name)) })
    unsafe unlink("\(directory)/\(name)")
    unsafe rmdir(directory)
    #expect(test.run { events.contains(.lost) })
    watcher.close()
  }

  @Test("a path that does not exist is an error")
  func missing() throws {
    let test = try TestLoop()
    let error = #expect(throws: UVError.self) { try FileWatcher(loop: test.loop, path: temporaryPath("none")) { _ in } }
    #expect(error == .noSuchFile)
  }
}
