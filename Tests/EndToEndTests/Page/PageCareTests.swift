// PageCareTests.swift: what the page owes everybody: to the careful (no foreign text becomes HTML, a token where one is
// wanted), to those with a keyboard, a screen reader or a phone, and to those with thousands of policies.

import Foundation
import TestKit
import Testing

@Suite(.serialized, .enabled(if: Browser.isExpected, "no Chromium with a driver here")) struct PageCareTests {
  @Test("what clients put into keys is text on the page, never HTML")
  func hostileKeys() async throws {
    try await aside {
      let scene = try PageScene(
        """
        policies:
          - {name: p, key: [header.x-client], algorithm: sliding-log, limit: 1, period: \(forever)}
        """)
      let hostile = "<img src=x onerror=document.title=1>"
      try scene.ask(3, from: "192.0.2.1", [("X-Client", hostile)])
      try scene.openCard(of: "onerror")
      #expect(try scene.browser.text("#top tbody tr").contains(hostile))
      #expect(try scene.browser.text("#key-name").contains(hostile))
      #expect(try scene.browser.value("document.querySelectorAll('img').length").int == 0)
      #expect(try scene.browser.value("document.title").string == "weir")
      // The server's policy forbids it also to a script that would try.
      let attempt = """
        (() => { try { document.body.innerHTML = '<b>x</b>'; return 'made'; } catch (error) { return error.name; } })()
        """
      #expect(try scene.browser.value(attempt).string == "TypeError")
    }
  }

  @Test("where a token is wanted the page asks for it, uses it, and keeps it nowhere")
  func token() async throws {
    try await aside {
      let directory = try TemporaryDirectory()
      try directory.write("token", "open sesame\n")
      let scene = try PageScene(arguments: ["--admin-token-file", directory.file("token")])
      let browser = scene.browser
      try scene.ask(5, from: "203.0.113.9")
      try scene.openCard(of: "203.0.113.9")
      #expect(try browser.text("#login").isEmpty)
      try browser.click("#do-reset")
      try scene.confirm()
      try browser.waitFor("#key-problem", toSay: "Not done")
      try browser.waitFor("#login-why", toSay: "Bearer")
      try browser.fill("#token", "wrong")
      try browser.type(Browser.Key.enter)
      try browser.click("#do-reset")
      try scene.confirm()
      try browser.waitFor("#login-why", toSay: "not the token")
      try browser.fill("#token", "open sesame")
      try browser.type(Browser.Key.enter)
      try browser.click("#do-reset")
      try scene.confirm()
      try browser.waitFor("#key-done", toSay: "Reset.")
      #expect(try browser.value("localStorage.length + sessionStorage.length + document.cookie.length").int == 0)
      try scene.open()
      try scene.openCard(of: "203.0.113.9")
      try browser.click("#do-reset")
      try scene.confirm()
      try browser.waitFor("#login-why", toSay: "Bearer")
    }
  }

  @Test(
    "every control has a name, every picture words, every text contrast, in light and dark; Tab reaches all in order")
  func accessibility() async throws {
    try await aside {
      let scene = try PageScene()
      let browser = scene.browser
      try scene.ask(5, from: "203.0.113.9")
      try scene.openCard(of: "203.0.113.9")
      try browser.fill("#x-ip", "203.0.113.9")
      try browser.click("#explain-form button")
      try browser.waitFor("#verdict", toSay: "Denied")
      try browser.waitFor("#charts li", toSay: "/s")
      try scene.weir.policies.write("test.yaml", PageTests.wrong)
      try browser.waitFor("#load-error", toSay: "test.yaml")

      #expect(try browser.value(Audit.unnamed).array == [])
      #expect(try browser.value(Audit.structure).array == [])
      for isDark in [false, true] {
        try browser.show(width: 360, height: 800, isDark: isDark)
        let ground = try browser.value("getComputedStyle(document.body).backgroundColor").string
        #expect(ground == (isDark ? "rgb(18, 22, 28)" : "rgb(246, 247, 249)"))
        #expect(try browser.value(Audit.contrast).array == [], "dark: \(isDark)")
        #expect(try browser.value("document.documentElement.scrollWidth <= innerWidth") == .bool(true))
      }

      // Tab goes through all that can be reached, in the order of the page, and each has a visible outline there.
      // The first Tab is for the browser: it shows the focus to those who use keys.
      try browser.type(Browser.Key.tab)
      _ = try browser.value("document.querySelector('.skip').focus()")
      let expected = try browser.value(Audit.tabStops).array?.compactMap(\.string) ?? []
      #expect(expected.count > 20)
      var visited: [String] = []
      for _ in expected {
        visited.append(try browser.value(Audit.focused).string ?? "")
        try browser.type(Browser.Key.tab)
      }
      #expect(visited == expected)
      #expect(visited.allSatisfy { $0.hasSuffix(" solid") }, "\(visited)")
      #expect(try browser.complaints() == [])
    }
  }

  @Test("with thousands of policies the page shows the busiest and finds the others by a filter")
  func manyPolicies() async throws {
    try await aside {
      let many = (0..<2000).map {
        "  - {name: p\($0), match: {path: /p\($0)}, algorithm: fixed-window, limit: 1, period: \(forever)}\n"
      }
      let scene = try PageScene("policies:\n" + many.joined())
      let browser = scene.browser
      #expect(try browser.text("#rates-note").contains("12 busiest of 2000"))
      #expect(try browser.value("document.querySelectorAll('#charts li').length").int == 12)
      #expect(try browser.value("document.querySelectorAll('#policy-table tbody tr').length").int == 50)
      try eventually("the busy one comes first") {
        _ = try statuses(scene.weir, 5, "/check/p1777")
        return try browser.text("#charts li").contains("default/p1777")
      }
      try browser.fill("#filter", "/p1999")
      try browser.waitFor("#policy-table", toSay: "default/p1999")
      #expect(try browser.value("document.querySelectorAll('#charts li').length").int == 1)
      #expect(try browser.text("#rates-note").isEmpty)
    }
  }

  @Test("Redis and its breaker are shown: connected, and away")
  func redis() async throws {
    try await aside {
      let redis = try RedisServer()
      let scene = try PageScene(arguments: ["--redis", "redis://127.0.0.1:\(redis.port)", "--threads", "1"])
      try scene.browser.waitFor("#redis", toSay: "1 of 1 workers connected")
      try scene.browser.waitFor("#redis", toSay: "Redis is asked")
      try redis.kill()
      let client = try scene.weir.client()
      try eventually("the page says that Redis is away") {
        _ = try client.request("GET", "/check/a", [("X-Forwarded-For", "192.0.2.9")])
        return try scene.browser.text("#redis").contains("not asked")
      }
      try scene.browser.waitFor("#health", toSay: "degraded")
    }
  }
}

/// Checks of a page, as JavaScript expressions that give what is wrong.
private enum Audit {
  static let visible = """
    (node => node.checkVisibility({visibilityProperty: true}) && !node.closest('dialog:not([open])'))
    """

  /// Controls without a name: a label, an aria-label or a text of their own. Pictures without words.
  static let unnamed = """
    [...document.querySelectorAll('input, select, textarea, button, a, summary, svg, section, table th')].filter(node => {
      const labelled = (node.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id))
        .map(label => label && label.textContent).join('');
      const words = [...(node.labels || [])].map(label => label.textContent).join('') + labelled
        + (node.getAttribute('aria-label') || '') + (/BUTTON|A|SUMMARY|TH/.test(node.tagName) ? node.textContent : '');
      return !words.trim();
    }).map(node => node.outerHTML.slice(0, 120))
    """

  /// One h1, no level left out, one main, header and footer, a language, a title, no id twice, labels that point somewhere.
  static let structure = """
    (() => {
      const wrong = [];
      let level = 0;
      for (const heading of document.querySelectorAll('h1, h2, h3')) {
        const next = Number(heading.tagName[1]);
        if (next > level + 1) wrong.push('after h' + level + ': ' + heading.textContent);
        level = next;
      }
      for (const name of ['h1', 'main', 'body > header', 'body > footer', 'nav', 'html[lang]', 'title'])
        if (document.querySelectorAll(name).length !== 1) wrong.push(name);
      const ids = [...document.querySelectorAll('[id]')].map(node => node.id);
      wrong.push(...ids.filter((id, index) => ids.indexOf(id) !== index));
      for (const label of document.querySelectorAll('label')) if (!label.control) wrong.push(label.outerHTML);
      for (const link of document.querySelectorAll('a[href^="#"]'))
        if (!document.querySelector(link.getAttribute('href'))) wrong.push(link.outerHTML);
      return wrong;
    })()
    """

  /// Texts with less than 4.5 to 1 against the ground behind them (WCAG 2.2, 1.4.3), edges of controls and lines of
  /// charts with less than 3 to 1 (1.4.11).
  static let contrast = """
    (() => {
      const rgb = text => text.match(/[\\d.]+/g).map(Number);
      const light = ([red, green, blue]) => [red, green, blue].map(value => value / 255)
        .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
      const ratio = (one, other) => {
        const [high, low] = [light(one), light(other)].sort((one, other) => other - one);
        return (high + 0.05) / (low + 0.05);
      };
      const ground = node => {
        for (let place = node; place; place = place.parentElement) {
          const colour = rgb(getComputedStyle(place).backgroundColor);
          if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
      };
      const wrong = [];
      const judge = (node, colour, behind, least) => {
        const found = ratio(rgb(colour), behind);
        if (!(found >= least)) wrong.push(found.toFixed(2) + ' ' + node.outerHTML.slice(0, 100));
      };
      for (const node of document.querySelectorAll('body *')) {
        if (!\(visible)(node)) continue;
        const style = getComputedStyle(node);
        if ([...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
          judge(node, style.color, ground(node), 4.5);
        if (/^(INPUT|TEXTAREA|BUTTON)$/.test(node.tagName)) judge(node, style.borderTopColor, ground(node.parentElement), 3);
        if (node.tagName === 'path') judge(node, style.stroke, ground(node), 3);
      }
      return wrong;
    })()
    """

  private static let words = """
    (node => (node.id || node.getAttribute('href') || node.getAttribute('aria-label') || node.textContent || node.value).trim())
    """

  /// What Tab should reach, in the order of the document; of radio buttons the chosen one.
  static let tabStops = """
    [...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter(node => \(visible)(node)
      && !(node.type === 'radio' && !node.checked)).map(node => \(words)(node) + ' solid')
    """

  static let focused = """
    \(words)(document.activeElement) + ' ' + getComputedStyle(document.activeElement).outlineStyle
    """
}
