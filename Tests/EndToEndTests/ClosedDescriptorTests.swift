// ClosedDescriptorTests.swift: whoever starts weir may have closed standard input, output or error.

import Glibc
import TestKit
import Testing

@Suite struct ClosedDescriptorTests {
  @Test(
    "with standard input, output or error closed at the start it serves, and SIGTERM ends it with exit 0",
    arguments: ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
  func closedDescriptors(redirections: String) throws {
    let folder = try TemporaryDirectory()
    try folder.write("test.yaml", StalledLogTests.policies)
    let child = try ChildProcess([
      "/bin/sh", "-c", #"exec "$0" "$@" \#(redirections)"#, WeirProcess.binary, "serve", "--policies", folder.path,
      "--listen", "unix:\(folder.file("s"))", "--admin", "unix:\(folder.file("a"))",
    ])
    defer { child.signal(SIGKILL) }
    let data = Address.unix(path: folder.file("s"))
    try eventually("it answers a check") { (try? HTTPClient(data).request("GET", "/check/a").status) == 200 }
    child.signal(SIGTERM)
    #expect(try child.wait() == .exited(0))
    #expect(child.errorLines.allSatisfy { JSON($0) != nil })
  }

  @Test("an answer for a standard output that is closed is an error")
  func closedOutput() throws {
    let child = try ChildProcess(["/bin/sh", "-c", #"exec "$0" version 1>&-"#, WeirProcess.binary])
    #expect(try child.wait() == .exited(1))
    #expect(child.standardError == "weir: cannot write to stdout\n")
  }
}
