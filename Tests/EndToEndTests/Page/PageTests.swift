// PageTests.swift: the page for people, in a real browser beside a real weir: whoever has only the page finds out who is
// limited by what, and lifts it.

import Foundation
import TestKit
import Testing

/// What the tests of the page share: a weir whose admin page a browser shows.
struct PageScene {
  let weir: WeirProcess
  let browser: Browser

  static let policies = """
    policies:
      - name: per-address
        key: [ip]
        algorithm: sliding-log
        limit: 3
        period: 1h
      - name: uploads
        match: {methods: [POST], path: /upload/**}
        key: [header.x-client]
        missing: share
        algorithm: token-bucket
        limit: 100
        period: 1h
        burst: 20
    """

  init(_ yaml: String = PageScene.policies, arguments: [String] = []) throws {
    weir = try WeirProcess(yaml, arguments: arguments)
    browser = try Browser()
    try open()
  }

  var origin: String { "http://\(weir.admin?.text ?? "")/" }

  func open() throws {
    try browser.open(origin)
    try browser.waitFor("#connection", toSay: "Connected")
  }

  /// Checks of one client address: their status codes.
  @discardableResult
  func ask(_ count: Int, from ip: String, _ headers: [(String, String)] = []) throws -> [Int] {
    try statuses(weir, count, "/check/v1/items", [("X-Forwarded-For", ip)] + headers)
  }

  /// Opens the card of the first key in the list whose row says `name`.
  func openCard(of name: String) throws {
    try browser.waitFor("#top", toSay: name)
    try browser.click("#top button[aria-label*='\(name)']")
    try browser.waitFor("#key-name", toSay: name)
  }

  func confirm() throws {
    try browser.click("#confirm-yes")
  }
}

@Suite(.serialized, .enabled(if: Browser.isExpected, "no Chromium with a driver here")) struct PageTests {
  @Test("a denied key is on the page with its policy, and its card resets it")
  func reset() async throws {
    try await aside {
      let scene = try PageScene()
      let browser = scene.browser
      #expect(try scene.ask(10, from: "203.0.113.9") == [200, 200, 200] + Array(repeating: 429, count: 7))
      try scene.ask(2, from: "198.51.100.7")
      try browser.waitFor("#top tbody tr", toSay: "ip 203.0.113.9")
      #expect(try browser.text("#top tbody tr").contains("default/per-address"))
      try browser.waitFor("#top tbody tr .number", toSay: "7")
      #expect(try !browser.text("#top").contains("198.51.100.7"))

      try scene.openCard(of: "203.0.113.9")
      #expect(try browser.text("#key-state").contains("0 of 3"))
      #expect(try browser.text("#key-state").contains("is denied"))
      try Screenshots.save(browser, width: 900, height: 1090)

      // Not without a yes.
      try browser.click("#do-reset")
      try browser.waitFor("#confirm-text", toSay: "203.0.113.9")
      try browser.type(Browser.Key.escape)
      #expect(try browser.value("document.querySelector('dialog').open") == .bool(false))
      #expect(try scene.ask(1, from: "203.0.113.9") == [429])

      try browser.click("#do-reset")
      try scene.confirm()
      try browser.waitFor("#key-done", toSay: "Reset.")
      try browser.waitFor("#key-state", toSay: "3 of 3")
      #expect(try scene.ask(4, from: "203.0.113.9") == [200, 200, 200, 429])
      #expect(scene.weir.events.contains { $0["event"]?.string == "key reset" })

      // Allowed keys have a list too.
      try browser.click("input[value=allowed]")
      try browser.waitFor("#top", toSay: "198.51.100.7")
      #expect(try browser.complaints() == [])
      #expect(try browser.requests().filter { $0.hasPrefix("http") && !$0.hasPrefix(scene.origin) } == [])
    }
  }

  @Test("a block, a grant and their ends are obeyed, shown on the card, and logged with the note")
  func orders() async throws {
    try await aside {
      let scene = try PageScene()
      let browser = scene.browser
      // By hand and keyboard: a key that nobody listed.
      try browser.fill("#key-policy", "default/per-address")
      try browser.fill("#key-part-0", "192.0.2.1")
      try browser.type(Browser.Key.enter)
      try browser.waitFor("#key-name", toSay: "ip 192.0.2.1")
      try browser.waitFor("#key-state", toSay: "3 of 3")

      try browser.fill("#block-for", "5m")
      try browser.click("#block-form button")
      try browser.fill("#confirm-note", "too curious")
      try scene.confirm()
      try browser.waitFor("#key-done", toSay: "Blocked.")
      try browser.waitFor("#key-order", toSay: "too curious")
      let denied = try scene.weir.request("GET", "/check/a", [("X-Forwarded-For", "192.0.2.1")])
      #expect(denied.status == 429)
      #expect((1...300).contains(denied.int("Retry-After") ?? 0))
      #expect(
        scene.weir.events.contains { $0["event"]?.string == "key blocked" && $0["note"]?.string == "too curious" })

      try browser.click("#do-unblock")
      try scene.confirm()
      try browser.waitFor("#key-done", toSay: "Ended.")
      #expect(try scene.ask(4, from: "192.0.2.1") == [200, 200, 200, 429])

      try browser.fill("#grant-amount", "2")
      try browser.click("#grant-form button")
      try scene.confirm()
      try browser.waitFor("#key-done", toSay: "Granted.")
      try browser.waitFor("#key-state", toSay: "2 of 5")
      #expect(try scene.ask(3, from: "192.0.2.1") == [200, 200, 429])

      // What weir refuses is said, and nothing is done.
      try browser.fill("#block-for", "9d")
      try browser.click("#block-form button")
      try scene.confirm()
      try browser.waitFor("#key-problem", toSay: "Not done")
      #expect(try browser.text("#key-order").contains("Granted 2 more"))
      // It stays to be read while the page renews the card.
      for _ in 0..<2 {
        _ = try browser.requests()
        try eventually("the card is asked for again") { try browser.requests().contains { $0.contains("/keys?") } }
      }
      #expect(try browser.text("#key-problem").contains("Not done"))
    }
  }

  @Test("explain says which policy denies a request and why the others do not apply, and consumes nothing")
  func explain() async throws {
    try await aside {
      let scene = try PageScene()
      let browser = scene.browser
      try scene.ask(3, from: "203.0.113.9")
      try browser.fill("#x-ip", "203.0.113.9")
      try browser.fill("#x-target", "/v1/items?q=1")
      try browser.fill("#x-headers", "x-client: ann")
      try browser.click("#explain-form button")
      try browser.waitFor("#verdict", toSay: "Denied")
      #expect(try browser.text("#verdict").contains("per-address"))
      #expect(try browser.text("#explanation").contains("test.yaml:2"))
      try browser.click("#explanation summary")
      #expect(try browser.text("#explanation details").contains("uploads"))

      try browser.fill("#x-ip", "203.0.113.10")
      try browser.click("#explain-form button")
      try browser.waitFor("#verdict", toSay: "Allowed")
      #expect(try scene.ask(3, from: "203.0.113.10") == [200, 200, 200])

      try browser.click("input[value=attributes]")
      try browser.fill("#x-attributes", "ip = 203.0.113.9\nnonsense")
      try browser.click("#explain-form button")
      try browser.waitFor("#explain-problem", toSay: "nonsense")
      try browser.fill("#x-attributes", "ip = 203.0.113.9")
      try browser.click("#explain-form button")
      try browser.waitFor("#verdict", toSay: "Denied")
      // The explained key's card is a click away.
      try browser.click("#explanation button")
      try browser.waitFor("#key-name", toSay: "ip 203.0.113.9")
    }
  }
}
