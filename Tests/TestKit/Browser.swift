// Browser.swift: Debian's Chromium without a screen, asked through its WebDriver (W3C), which is JSON over HTTP.
//
// Clicks and keys go through the browser's own input, so that what is covered, disabled or off the tab order fails as it
// would for a person. What WebDriver has no word for (a dark screen, a phone's width) goes through Chromium's DevTools
// protocol, by the driver's own extension.

import Foundation

/// A window of a browser of its own. Not thread-safe. Ended with its owner.
public final class Browser {
  private let driver: ServerProcess
  private let client: HTTPClient
  private let host: String
  private var session = ""

  /// False where the system has no such browser to install: tests say then that they are skipped. Where it has one and
  /// it is missing, they fail.
  public static let isExpected =
    FileManager.default.isExecutableFile(atPath: "/usr/bin/chromedriver")
    || (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8))?.contains("\nID=debian\n") == true

  /// The browser refused, or the page has no such element.
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  /// Starts a driver and its browser.
  public init() throws {
    driver = try ServerProcess { port, _ in ["chromedriver", "--port=\(port)"] }
    client = try HTTPClient(driver.address, of: driver)
    host = driver.address.text
    // No sandbox: it needs rights that a container's root lacks. The pages are this repository's own.
    let arguments = [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
      "--user-data-dir=\(driver.directory.file("profile"))",
    ]
    let capabilities: [String: Any] = [
      "browserName": "chrome", "goog:chromeOptions": ["args": arguments],
      "goog:loggingPrefs": ["browser": "ALL", "performance": "ALL"],
    ]
    let created = try ask("POST", "/session", ["capabilities": ["alwaysMatch": capabilities]])
    guard let id = created["sessionId"]?.string else { throw Failure(description: "no session: \(created)") }
    session = "/session/\(id)"
  }

  deinit { if !session.isEmpty { _ = try? ask("DELETE", "") } }

  // MARK: The page

  public func open(_ url: String) throws { _ = try ask("POST", "/url", ["url": url]) }

  /// The value of a JavaScript expression.
  public func value(_ expression: String) throws -> JSON {
    try ask("POST", "/execute/sync", ["script": "return (\(expression));", "args": [Any]()])
  }

  /// The text that a person sees in the first element; empty where it is hidden.
  public func text(_ selector: String) throws -> String {
    try ask("GET", try element(selector) + "/text").string ?? ""
  }

  public func waitFor(_ selector: String, toSay text: String, within seconds: Double = 20) throws {
    do {
      try eventually("\(selector) says \"\(text)\"", within: seconds) {
        (try? self.text(selector).contains(text)) == true
      }
    } catch {
      throw Failure(description: "\(error); it says \"\((try? self.text(selector)) ?? "nothing: no such element")\"")
    }
  }

  public func click(_ selector: String) throws { _ = try ask("POST", try element(selector) + "/click", [:]) }

  /// Empties a field and types into it.
  public func fill(_ selector: String, _ text: String) throws {
    let element = try element(selector)
    _ = try ask("POST", element + "/clear", [:])
    _ = try ask("POST", element + "/value", ["text": text])
  }

  /// Types where the focus is.
  public func type(_ keys: String) throws {
    let actions = keys.flatMap { [["type": "keyDown", "value": "\($0)"], ["type": "keyUp", "value": "\($0)"]] }
    _ = try ask("POST", "/actions", ["actions": [["type": "key", "id": "keys", "actions": actions] as [String: Any]]])
  }

  /// The codes that WebDriver has for keys without a character.
  public enum Key {
    public static let tab = "\u{E004}", enter = "\u{E007}", escape = "\u{E00C}"
  }

  private func element(_ selector: String) throws -> String {
    let found = try ask("POST", "/element", ["using": "css selector", "value": selector])
    guard case .object(let members) = found, let id = members.first?.value.string else {
      throw Failure(description: "no \(selector)")
    }
    return "/element/\(id)"
  }

  // MARK: The screen

  public func show(width: Int, height: Int, isDark: Bool) throws {
    try devTools(
      "Emulation.setDeviceMetricsOverride",
      ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false])
    try devTools(
      "Emulation.setEmulatedMedia",
      ["features": [["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]]])
  }

  /// A PNG of what is on the screen.
  public func screenshot() throws -> [UInt8] {
    guard let text = try ask("GET", "/screenshot").string, let data = Data(base64Encoded: text) else {
      throw Failure(description: "no screenshot")
    }
    return Array(data)
  }

  private func devTools(_ command: String, _ parameters: [String: Any]) throws {
    _ = try ask("POST", "/goog/cdp/execute", ["cmd": command, "params": parameters])
  }

  // MARK: What it noticed

  /// Warnings and errors of the console since the last call.
  public func complaints() throws -> [String] {
    try log("browser").filter { ["WARNING", "SEVERE"].contains($0["level"]?.string) }
      .map { $0["message"]?.string ?? "" }
  }

  /// URLs that pages of this browser have asked for since the last call.
  public func requests() throws -> [String] {
    try log("performance").compactMap { entry in
      guard let message = entry["message"]?.string.flatMap({ JSON($0) })?["message"],
        message["method"]?.string == "Network.requestWillBeSent"
      else { return nil }
      return message["params"]?["request"]?["url"]?.string
    }
  }

  private func log(_ type: String) throws -> [JSON] { try ask("POST", "/se/log", ["type": type]).array ?? [] }

  // MARK: The wire

  @discardableResult
  private func ask(_ method: String, _ path: String, _ body: [String: Any]? = nil) throws -> JSON {
    let text = try body.map { String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self) }
    // The driver answers no other Host.
    let response = try client.request(
      method, session + path, [("Host", host), ("Content-Type", "application/json; charset=utf-8")], body: text)
    guard let value = response.json?["value"] else { throw Failure(description: "\(path): \(response.text)") }
    guard response.status == 200 else {
      throw Failure(description: "\(method) \(path) \(text ?? ""): \(value["message"]?.string ?? response.text)")
    }
    return value
  }
}
