// PageStateTests.swift: what the page shows of weir itself: reloads, rates, and that it was away.

import TestKit
import Testing

@Suite(.serialized, .enabled(if: Browser.isExpected, "no Chromium with a driver here"))
struct PageStateTests {
  @Test(
    "a failed reload is shown in full, and goes when the files are right again; rates, policies and Redis are shown")
  func state() async throws {
    try await aside {
      let scene = try PageScene()
      let browser = scene.browser
      #expect(try browser.text("#policy-table").contains("test.yaml:2"))
      #expect(try browser.text("#policy-table").contains("100 per 1h (burst 20) for each header.x-client"))
      #expect(try browser.text("#redis") == "not used")
      #expect(try browser.text("#health") == "healthy")

      try scene.weir.policies.write("test.yaml", Self.wrong)
      try browser.waitFor("#load-error", toSay: "test.yaml:3:5")
      try browser.waitFor("#load-error", toSay: "test.yaml:5:13")
      #expect(try browser.text("#policy-table").contains("per-address"))
      try scene.weir.policies.write("test.yaml", PageScene.policies.replacing("limit: 3", with: "limit: 30"))
      try browser.waitFor("#policy-table", toSay: "30 per 1h for each ip")
      try eventually("the error goes") { try browser.text("#load-error").isEmpty }

      let weir = scene.weir
      let traffic = Background(threads: 1) { _ in
        _ = try statuses(weir, 5, "/check/v1/items", [("X-Forwarded-For", "203.0.113.9")])
        pause(seconds: 0.05)
      }
      try browser.waitFor("#charts li", toSay: "denied")
      try eventually("the chart draws denials") {
        try browser.value("document.querySelector('#charts path.bad').getAttribute('d')").string?.contains("L") == true
          && browser.text("#charts li .bad") != "denied 0.0/s"
      }
      #expect(
        try browser.value("document.querySelector('#charts svg').ariaLabel").string?.contains("per-address") == true)
      try traffic.stop()
    }
  }

  static let wrong = """
    policies:
      - name: per-address
        kye: [ip]
        limit: 3
        period: 10/fortnight
    """

  @Test("the page survives a restart of weir: it says so, goes on by itself, and draws no negative rate")
  func restart() async throws {
    try await aside {
      let port = try RedisServer.freePort()
      let scene = try PageScene(arguments: ["--admin", "127.0.0.1:\(port)"])
      let browser = scene.browser
      try scene.ask(50, from: "203.0.113.9")
      try browser.waitFor("#charts li", toSay: "/s")
      try scene.weir.terminate()
      try browser.waitFor("#connection", toSay: "Cannot reach weir")
      let next = try WeirProcess(PageScene.policies, arguments: ["--admin", "127.0.0.1:\(port)"])
      #expect(try statuses(next, 4, "/check/a", [("X-Forwarded-For", "192.0.2.77")]) == [200, 200, 200, 429])
      try browser.waitFor("#connection", toSay: "Connected")
      try browser.waitFor("#top", toSay: "192.0.2.77")
      #expect(try !browser.text("#top").contains("203.0.113.9"))
      try browser.waitFor("#charts li", toSay: "allowed")
      #expect(try browser.value("/-[0-9]/.test(document.querySelector('#charts').textContent)") == .bool(false))

      // A hidden page asks nothing; a shown one asks at once.
      let hide =
        "Object.defineProperty(document, 'hidden', {value: HIDDEN, configurable: true}), document.dispatchEvent(new Event('visibilitychange'))"
      _ = try browser.value(hide.replacing("HIDDEN", with: "true"))
      pause(seconds: 0.5)
      _ = try browser.requests()
      pause(seconds: 4.5)
      #expect(try browser.requests() == [])
      _ = try browser.value(hide.replacing("HIDDEN", with: "false"))
      try eventually("it asks again") { try !browser.requests().isEmpty }
    }
  }
}
