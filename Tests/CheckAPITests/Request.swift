// Request.swift: a request as it comes over the wire, parsed by the real parser, and answers as a client reads them.

import HTTP1
import Policies
import TestKit

@testable import CheckAPI
@testable import TestKit

/// A well-formed request and its bytes.
struct Request {
  let bytes: [UInt8]
  let head: RequestHead

  init(_ method: String = "GET", _ target: String, _ headers: [(String, String)] = []) {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: own.test\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    self.init(text: text + "\r\n")
  }

  init(text: String) {
    let bytes = Array(text.utf8)
    var parser = RequestParser()
    let progress = parser.parse(bytes.span)
    precondition(progress == .head, "no request: \(text.debugDescription)")
    self.bytes = bytes
    head = parser.head
  }

  func text(_ range: ByteRange) -> String { String(decoding: bytes[range.range], as: UTF8.self) }

  func route(_ settings: APISettings = APISettings()) -> Route { Router.route(head, bytes.span, settings) }

  /// The route of a request that is a check in the gateway form.
  var gatewayRoute: GatewayRoute {
    guard case .gateway(let route) = route() else { preconditionFailure("no gateway check: \(head.target)") }
    return route
  }
}

/// What a body wrote into a buffer, as text.
func written(_ body: (inout ResponseBuffer) -> Void) -> String {
  var out = ResponseBuffer()
  body(&out)
  return out.withBytes { bytes in unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) } }
}

/// The one answer that `text` is; a failure where it is less or more than that.
func parsed(_ text: String, toHead: Bool = false) throws -> HTTPResponse {
  var reader = HTTPResponseReader(bytes: Array(text.utf8))
  guard let response = try reader.next(toHead: toHead, atEnd: false), reader.bytes.isEmpty else {
    throw MalformedResponse(description: "not one answer: \(text.debugDescription)")
  }
  return response
}

/// What a match asked of a store, in a form that can be compared.
struct Asked: Equatable {
  var policy: String
  var key: [UInt8]
  var cost: Int64
  var effect: Charge.Effect
}

extension PolicySet {
  convenience init(_ policies: [Policy]) { self.init(policies, slots: policies.indices.map { UInt32($0 + 100) }) }

  /// Matches a filled check.
  func asked(_ check: inout Check) -> [Asked] {
    match(&check)
    return check.charges.map { charge in
      let start = Int(charge.keyStart)
      return Asked(
        policy: policies[Int(charge.policy)].name, key: Array(check.bytes[start..<start + Int(charge.keyCount)]),
        cost: charge.cost, effect: charge.effect)
    }
  }

  /// Fills a check from a request in the gateway form and matches it.
  func asked(_ request: Request, peer: String? = "192.0.2.1", _ settings: APISettings = APISettings()) -> [Asked] {
    var check = Check()
    GatewayCheck.fill(
      &check, request.gatewayRoute, request.head, request.bytes.span, peer: peer.map { IPAddress($0)! }, settings,
      HeaderTable(settings, self), self)
    return asked(&check)
  }

  /// Fills a check from a JSON body and matches it.
  func asked(json: String) throws -> [Asked] {
    var check = Check()
    _ = try JSONCheck.fill(&check, Array(json.utf8).span, self)
    return asked(&check)
  }
}
