// PageKeyTests.swift: which key the page's card is of: what was typed, to the letter, and bytes where that was chosen.

import TestKit
import Testing

@Suite(.serialized, .enabled(if: Browser.isExpected, "no Chromium with a driver here")) struct PageKeyTests {
  private static let policies = """
    policies:
      - {name: p, key: [header.x-client], algorithm: sliding-log, limit: 1, period: \(forever)}
    """

  /// Types a key by hand, and waits for its card.
  private static func show(_ text: String, as name: String, in scene: PageScene) throws {
    try scene.browser.fill("#key-part-0", text)
    try scene.browser.type(Browser.Key.enter)
    try scene.browser.waitFor("#key-name", toSay: "header.x-client " + name)
  }

  private static func block(_ scene: PageScene) throws {
    try scene.browser.click("#block-form button")
    try scene.confirm()
    try scene.browser.waitFor("#key-done", toSay: "Blocked.")
  }

  @Test("what is typed is a text, whatever it looks like; it names no other key")
  func text() async throws {
    try await aside {
      let scene = try PageScene(Self.policies)
      try scene.browser.fill("#key-policy", "default/p")
      for typed in [#"["victim"]"#, #"{"hex":"766963"}"#, "$&victim", "null"] {
        try Self.show(typed, as: typed, in: scene)
        try Self.block(scene)
        #expect(try scene.browser.text("#confirm-text").isEmpty, "the dialog is closed")
        #expect(
          try scene.weir.request("GET", "/check/a", [("X-Client", typed)]).status == 429, "\(typed) is what is blocked")
      }
      for other in ["victim", "vic"] {
        #expect(try scene.weir.request("GET", "/check/a", [("X-Client", other)]).status == 200, "\(other)")
      }
      // The question names the key to the letter, too.
      try Self.show("$&victim", as: "$&victim", in: scene)
      try scene.browser.click("#do-reset")
      try scene.browser.waitFor("#confirm-text", toSay: "header.x-client $&victim (default/p)")
      #expect(try scene.browser.complaints() == [])
    }
  }

  @Test(
    "bytes in hex digits are a choice; a list, and what is no text, come back from the list's Card button as they are")
  func bytes() async throws {
    try await aside {
      let scene = try PageScene(Self.policies)
      let browser = scene.browser
      try browser.fill("#key-policy", "default/p")
      try browser.click("#key-hex-0")
      try Self.show("ff", as: "0xff", in: scene)
      try Self.block(scene)
      let client = try scene.weir.client()
      let raw = Array("GET /check HTTP/1.1\r\nX-Client: ".utf8) + [0xff] + Array("\r\n\r\n".utf8)
      try client.send(raw)
      #expect(try client.response().status == 429)
      #expect(try scene.weir.request("GET", "/check/a", [("X-Client", "ff")]).status == 200)

      for _ in 0..<3 { _ = try scene.weir.request("GET", "/check/a", [("X-Client", "b, a"), ("X-Client", "c")]) }
      try browser.waitFor("#top", toSay: "a + b + c")
      try browser.click("#top button[aria-label*='a + b + c']")
      try browser.waitFor("#key-name", toSay: "a + b + c")
      #expect(try browser.value("document.querySelector('#key-part-0').value").string == "a, b, c")
      #expect(try browser.value("document.querySelector('#key-hex-0').checked") == .bool(false))
      try Self.show("c,b , a", as: "a + b + c", in: scene)
      try browser.click("#do-reset")
      try browser.waitFor("#confirm-text", toSay: "Reset header.x-client a + b + c (default/p)?")
      try browser.type(Browser.Key.escape)
      try browser.waitFor("#key-state", toSay: "0 of 1")

      try scene.openCard(of: "0xff")
      #expect(try browser.value("document.querySelector('#key-part-0').value").string == "ff")
      #expect(try browser.value("document.querySelector('#key-hex-0').checked") == .bool(true))
      try browser.waitFor("#key-order", toSay: "Blocked")

      // A list with a quote in it, which commas could join to another.
      for _ in 0..<9 { _ = try scene.weir.request("GET", "/check/a", [("X-Client", #""x, !\""#)]) }
      try browser.waitFor("#top tbody tr:first-child", toSay: #"!\" + "x"#)
      try browser.click("#top tbody tr:first-child button")
      try browser.waitFor("#key-name", toSay: #"!\" + "x"#)
      #expect(try browser.value("document.querySelector('#key-part-0').value").string == "215c22, 2278")
      try browser.waitFor("#key-state", toSay: "0 of 1")
      try Self.show("2278,215c22", as: #"!\" + "x"#, in: scene)
      try browser.waitFor("#key-state", toSay: "0 of 1")
      #expect(try browser.complaints() == [])
    }
  }

  @Test("of a shadow policy's key the page says that it passes, and is only reported, blocked or not")
  func shadow() async throws {
    try await aside {
      let scene = try PageScene(
        """
        policies:
          - {name: p, key: [header.x-client], algorithm: sliding-log, limit: 1, period: \(forever), mode: shadow}
        """)
      let browser = scene.browser
      for _ in 0..<2 { #expect(try scene.weir.request("GET", "/check/a", [("X-Client", "ann")]).status == 200) }
      try browser.fill("#key-policy", "default/p")
      try Self.show("ann", as: "ann", in: scene)
      #expect(try browser.text("#key-state").contains("would be denied, and passes"))
      try browser.click("#block-form button")
      try browser.waitFor("#confirm-text", toSay: "never denies: its checks pass, and are reported as shadow_denied")
      #expect(try !browser.text("#confirm-text").contains("is denied"))
      try scene.confirm()
      try browser.waitFor("#key-done", toSay: "Blocked.")
      #expect(try scene.weir.request("GET", "/check/a", [("X-Client", "ann")]).status == 200)
      #expect(try scene.weir.metric("weir_decisions_total", ["policy": "p", "outcome": "shadow_denied"]) == 2)
    }
  }
}
