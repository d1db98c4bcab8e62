// ConnectionLimitTests.swift: the bound on connections. Over a Unix socket, where a full backlog makes connect() wait
// instead of losing the attempt.

import Glibc
import TestKit
import Testing

@Suite struct ConnectionLimitTests {
  static let policies = "policies: [{name: a, algorithm: token-bucket, limit: 1000000, period: \(forever)}]"
  static let bound = 10_000

  /// This process holds one descriptor a connection, and whatever the tests beside it hold.
  static let canOpenEnough: Bool = {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(resource, &limit) == 0, limit.rlim_max >= rlim_t(bound + 2000) else { return false }
    limit.rlim_cur = limit.rlim_max
    return unsafe setrlimit(resource, &limit) == 0
  }()

  @Test(
    "10 000 connections are served; the next gets 503 and is closed; when one goes, another may come",
    .enabled(if: ConnectionLimitTests.canOpenEnough, "the hard limit of descriptors is below 12 000"))
  func tenThousand() throws {
    let directory = try TemporaryDirectory()
    // One thread, so that connections are accepted in the order in which they were made.
    let weir = try WeirProcess(
      Self.policies, listen: ["unix:\(directory.file("s"))"], arguments: ["--threads", "1"])
    var clients: [HTTPClient] = []
    for _ in 0..<Self.bound { clients.append(try weir.client()) }
    for client in [clients[0], clients[Self.bound / 2], clients[Self.bound - 1]] {
      #expect(try client.request("GET", "/check/a").status == 200)
    }
    let refused = try weir.client()
    try? refused.send(HTTPClient.requestText("GET", "/check/a"))
    #expect(try refused.response().status == 503)
    #expect(try refused.isClosedByServer())
    // The admin listener is there when it is needed most.
    let lines = try weir.adminRequest("/metrics").text.split(separator: "\n")
    #expect(lines.contains { $0.contains("refused") && !$0.hasPrefix("#") && !$0.hasSuffix(" 0") })
    #expect(try clients[Self.bound - 1].request("GET", "/check/a").status == 200)
    clients.removeFirst(100)
    try eventually("there is room again") {
      (try? weir.request("GET", "/check/a").status) == 200
    }
    #expect(weir.poll() == nil)
  }

  @Test(
    "whoever holds all connections of the admin or metrics listener loses them within half a minute; a data one stays")
  func operatorsListeners() async throws {
    try await aside {
      let weir = try WeirProcess(Self.policies, arguments: ["--metrics", "127.0.0.1:0"])
      let data = try weir.client()
      #expect(try data.request("GET", "/check/a").status == 200)
      let listeners = try [#require(weir.admin), #require(weir.metrics)]
      var held: [HTTPClient] = []
      for listener in listeners {
        for number in 0..<256 {
          let client = try HTTPClient(listener)
          // Nothing, an answered request, a head that is never whole, a body that never comes.
          switch number % 4 {
          case 1: #expect(try client.request("GET", "/healthz").status == 200)
          case 2: try client.send("GET /heal")
          case 3 where listener == weir.admin:
            try client.send("POST /explain HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
          default: break
          }
          held.append(client)
        }
        let refused = try HTTPClient(listener)
        #expect(try refused.response().status == 503)
      }
      for listener in listeners {
        try eventually("\(listener.text) answers again", within: 30) {
          (try? HTTPClient(listener).request("GET", "/healthz").status) == 200
        }
      }
      #expect(try held[0].isClosedByServer())
      #expect(try weir.metric("weir_timeouts_total", ["kind": "idle"]) ?? 0 > 0)
      #expect(try data.request("GET", "/check/a").status == 200)
    }
  }

  @Test("the limit on descriptors is the hard limit from the start on, before anybody asks for anything")
  func raisedLimit() throws {
    // Limits of its own: weir inherits this process's, which is raised for the tests above.
    let weir = try WeirProcess(
      Self.policies, launcher: ["sh", "-c", #"ulimit -Sn 256 && ulimit -Hn 1000 && exec "$0" "$@""#])
    let grep = try ChildProcess(["grep", "Max open files", "/proc/\(weir.pid)/limits"])
    try grep.wait()
    let words = grep.standardOutput.split { $0.isWhitespace }
    #expect(words == ["Max", "open", "files", "1000", "1000", "files"])
  }

  @Test("where descriptors run out first, weir stays alive and serves those it has")
  func fewDescriptors() throws {
    let weir = try WeirProcess(Self.policies, launcher: ["sh", "-c", #"ulimit -n 100; exec "$0" "$@""#])
    let first = try weir.client()
    #expect(try first.request("GET", "/check/a").status == 200)
    var others: [HTTPClient] = []
    for _ in 0..<200 { others.append(try HTTPClient(weir.listen[0], timeout: 2)) }
    pause(seconds: 0.5)
    #expect(try first.request("GET", "/check/a").status == 200)
    others.removeAll()
    try eventually("new connections are served again") { (try? weir.request("GET", "/check/a").status) == 200 }
    #expect(weir.poll() == nil)
  }
}
