// StandardErrorTests.swift: no log line waits for its reader, whatever standard error is, and none is torn.

import Glibc
import Telemetry
import Testing

@testable import Sidecar

@Suite struct StandardErrorTests {
  /// F_SETPIPE_SZ, which Glibc shows to C with extensions only.
  fileprivate static let setPipeSize: Int32 = 1031

  /// Line number `number`, of so many bytes.
  fileprivate static func line(_ number: Int, _ count: Int) -> String {
    let start = "\(number) "
    return start + String(repeating: "x", count: count - start.utf8.count - 1) + "\n"
  }

  /// Reads what is there, until there is nothing.
  fileprivate static func readAll(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var all: [UInt8] = []
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while unsafe poll(&poller, 1, 0) == 1, poller.revents & Int16(POLLIN) != 0 {
      let count = unsafe read(descriptor, &bytes, bytes.count)
      guard count > 0 else { break }
      all += bytes[..<count]
    }
    return String(decoding: all, as: UTF8.self)
  }

  /// The ends of a new pipe, or of a new terminal that changes nothing of what is written.
  fileprivate static func ends(ofTerminal isTerminal: Bool) -> (reader: Int32, writer: Int32) {
    guard isTerminal else {
      var ends: [Int32] = [-1, -1]
      #expect(unsafe pipe(&ends) == 0)
      return (ends[0], ends[1])
    }
    var (reader, writer): (Int32, Int32) = (-1, -1)
    let made = unsafe openpty(&reader, &writer, nil, nil, nil)
    #expect(made == 0)
    var modes = termios()
    #expect(unsafe tcgetattr(writer, &modes) == 0)
    unsafe cfmakeraw(&modes)
    #expect(unsafe tcsetattr(writer, TCSANOW, &modes) == 0)
    return (reader, writer)
  }

  /// Ends the process, which is an exit test's own, if a line waits.
  fileprivate static func dieIfStuck() {
    signal(SIGALRM) { _ in _exit(99) }
    alarm(20)
  }

  @Test("a full pipe keeps nobody waiting; when it is read, all lines come whole and in order")
  func fullPipe() async {
    await #expect(processExitsWith: .success) {
      StandardErrorTests.dieIfStuck()
      let (reader, writer) = StandardErrorTests.ends(ofTerminal: false)
      #expect(fcntl(writer, StandardErrorTests.setPipeSize, 4_096) == 4_096)
      #expect(dup2(writer, STDERR_FILENO) == STDERR_FILENO)
      let lines = (0..<20).map { StandardErrorTests.line($0, $0 % 5 == 4 ? 10_000 : 700) }
      for line in lines { StandardError.log(line, .json) }
      StandardError.finish(.json)  // does not wait for ever
      guard !StandardError.writeAtOnce("denied\n") else { exit(1) }
      var text = ""
      while text.utf8.count < lines.joined().utf8.count {
        let piece = StandardErrorTests.readAll(reader)
        guard !piece.isEmpty else { exit(2) }
        text += piece
        StandardError.retry(.json)
      }
      guard text == lines.joined(), StandardError.writeAtOnce("denied\n") else { exit(3) }
      // The pipe is shared: it still blocks those who have it.
      guard fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK == 0 else { exit(4) }
    }
  }

  @Test("a terminal that nobody reads keeps nobody waiting; when it is read, all lines come whole and in order")
  func fullTerminal() async {
    await #expect(processExitsWith: .success) {
      StandardErrorTests.dieIfStuck()
      let (reader, writer) = StandardErrorTests.ends(ofTerminal: true)
      #expect(dup2(writer, STDERR_FILENO) == STDERR_FILENO)
      let lines = (0..<200).map { StandardErrorTests.line($0, 501) }
      for line in lines { StandardError.log(line, .text) }
      var text = ""
      while text.utf8.count < lines.joined().utf8.count {
        text += StandardErrorTests.readAll(reader)
        StandardError.retry(.text)
      }
      guard text == lines.joined() else { exit(1) }
      guard fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK == 0 else { exit(2) }
    }
  }

  @Test("what finds no room is told in the log's own form, once there is room")
  func leftOut() async {
    await #expect(processExitsWith: .success) {
      StandardErrorTests.dieIfStuck()
      let (reader, writer) = StandardErrorTests.ends(ofTerminal: false)
      #expect(dup2(writer, STDERR_FILENO) == STDERR_FILENO)
      for number in 0..<1_000 { StandardError.log(StandardErrorTests.line(number, 1_000), .json) }
      var last = ""
      for _ in 0..<20 {
        last += StandardErrorTests.readAll(reader)
        StandardError.retry(.json)
      }
      let lines = last.split(separator: "\n")
      guard let told = lines.last, told.contains(#""level":"warning","event":"log lines left out","lines":"#) else {
        exit(1)
      }
      guard told.hasSuffix(#""lines":\#(1_000 - (lines.count - 1))}"#) else { exit(2) }
    }
  }

  @Test("the end waits a moment for a reader, and not for one who is gone")
  func finish() async {
    await #expect(processExitsWith: .success) {
      StandardErrorTests.dieIfStuck()
      let (reader, writer) = StandardErrorTests.ends(ofTerminal: false)
      #expect(fcntl(writer, StandardErrorTests.setPipeSize, 4_096) == 4_096)
      #expect(dup2(writer, STDERR_FILENO) == STDERR_FILENO)
      let start = ContinuousClock.now
      StandardError.log(StandardErrorTests.line(0, 9_000), .json)
      StandardError.finish(.json)
      guard ContinuousClock.now - start >= .milliseconds(100) else { exit(1) }
      signal(SIGPIPE, SIG_IGN)
      close(reader)
      StandardError.finish(.json)
      StandardError.write("last words\n")
    }
  }

  @Test("what a start that failed says comes behind the lines that wait, in full")
  func lastWords() async {
    await #expect(processExitsWith: .success) {
      StandardErrorTests.dieIfStuck()
      let (reader, writer) = StandardErrorTests.ends(ofTerminal: false)
      #expect(fcntl(writer, StandardErrorTests.setPipeSize, 4_096) == 4_096)
      #expect(dup2(writer, STDERR_FILENO) == STDERR_FILENO)
      let line = StandardErrorTests.line(0, 6_000)
      StandardError.log(line, .json)
      let first = StandardErrorTests.readAll(reader)
      StandardError.write("last words\n")
      guard first + StandardErrorTests.readAll(reader) == line + "last words\n" else { exit(1) }
    }
  }
}
