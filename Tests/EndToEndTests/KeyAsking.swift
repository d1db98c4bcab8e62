// KeyAsking.swift: calls about keys, as these tests make them of the admin listener.

import Glibc
import TestKit
import Testing

/// What a request of a person's own browser, or of curl, has.
let ownHost = ("Host", "localhost")
let jsonType = ("Content-Type", "application/json")

extension WeirProcess {
  /// One request to the admin listener, with just these headers.
  func asked(
    _ method: String, _ target: String, _ headers: [(String, String)], body: String? = nil
  ) throws -> HTTPResponse {
    try HTTPClient(#require(admin)).request(method, target, headers, body: body)
  }

  /// The state of one key.
  func state(_ query: String) throws -> HTTPResponse { try asked("GET", "/keys?" + query, [ownHost]) }

  /// The order in force for a key; `.null` where there is none.
  func order(_ query: String) throws -> JSON? { try state(query).json?["order"] }

  /// A call to `/keys/CALL`, or to another page that takes a body. What it orders holds when this returns.
  @discardableResult
  func call(_ call: String, _ body: String, _ headers: [(String, String)] = []) throws -> HTTPResponse {
    let page = call.hasPrefix("/") ? call : "/keys/" + call
    return try asked("POST", page, [ownHost, jsonType] + headers, body: body)
  }

  /// Whether a check with these attributes passes.
  func passes(_ attributes: String) throws -> Bool { try json(#"{"attributes": \#(attributes)}"#).status == 200 }

  /// The events of this name that it has logged.
  func events(_ name: String) -> [JSON] { events.filter { $0["event"]?.string == name } }

  /// The last event of this name, once there are as many as this.
  func event(_ name: String, count: Int = 1) throws -> JSON {
    try eventually("\(count) events \(name)") { events(name).count >= count }
    let found = events(name)
    guard found.count == count, let last = found.last else {
      throw NeverHappened(description: "\(found.count) \(name)")
    }
    return last
  }
}

/// Seconds since the Unix epoch, rounded down. Not `time`, which is some milliseconds late.
func unixSeconds() -> Int {
  var now = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &now)
  return now.tv_sec
}
