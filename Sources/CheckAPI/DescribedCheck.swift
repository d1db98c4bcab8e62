// DescribedCheck.swift: a check as a person describes it, to have it explained: a request as a gateway would ask about
// it, attributes as a program would send them, or both.
//
// A request is written out as HTTP, parsed, and goes the way of the gateway form; attributes go the way of the JSON form.
// So nothing about a check is understood in another way here than where it counts.

import HTTP1
import Limiting
public import Policies

/// The facts of one check, as text.
public struct DescribedCheck: Sendable, Equatable {
  public var domain = PolicyName.defaultDomain
  /// In `Bounds.checkCost`.
  public var cost: Int64 = 1

  // MARK: A request. One with any of these, but without a method, is a GET.

  public var method: String?
  /// With its query; nil: the check has no path.
  public var target: String?
  public var host: String?
  /// Who asks the gateway; as a peer that is a trusted proxy, it is believed about its client.
  public var ip: String?
  /// In their order; a name may stand several times.
  public var headers: [Field] = []

  // MARK: Attributes of the JSON form, set after those of the request

  public var attributes: [Field] = []

  public struct Field: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public init() {}

  /// Fills `check` with the attributes that the policies of `set` use.
  ///
  /// - Parameter table: Of these settings and this set.
  /// - Throws: A refusal that says what could not stand in a request or a check.
  public func fill(
    _ check: inout Check, _ settings: APISettings, _ table: HeaderTable, _ set: PolicySet
  ) throws(Refusal) {
    check.begin(set)
    try JSONCheck.requireDomain(domain)
    guard Bounds.checkCost.contains(cost) else {
      throw Refusal(400, "cost must be a whole number from 0 to \(Bounds.checkCost.upperBound)")
    }
    if method != nil || target != nil || host != nil || ip != nil || !headers.isEmpty {
      try fillRequest(&check, settings, table, set)
    }
    check.setDomain(domain.utf8.span, in: set)
    check.cost = cost
    for attribute in attributes {
      if let refusal = JSONCheck.setAttribute(attribute.name.utf8.span, attribute.value.utf8.span, &check, set) {
        throw refusal
      }
    }
  }

  /// What is wrong with the description, whatever the policies; nil: nothing.
  public var problem: Refusal? {
    let set = PolicySet([], slots: [])
    let settings = APISettings()
    var check = Check()
    do throws(Refusal) {
      try fill(&check, settings, HeaderTable(settings, set), set)
      return nil
    } catch {
      return error
    }
  }

  // MARK: The request

  private func fillRequest(
    _ check: inout Check, _ settings: APISettings, _ table: HeaderTable, _ set: PolicySet
  ) throws(Refusal) {
    var peer: IPAddress?
    if let ip {
      peer = ClientAddress.address(in: ip.utf8.span)
      guard peer != nil else { throw Refusal(400, "ip \"\(ip)\" is no IP address") }
    }
    let bytes = Array(try text(settings).utf8)
    var parser = RequestParser()
    switch parser.parse(bytes.span) {
    case .head: break
    case .failed(let error): throw Refusal(error.status, "\(error.detail)")
    case .needMore: throw Refusal(400, "a request without an end")
    }
    let route = GatewayRoute(target: target == nil ? nil : parser.head.target)
    GatewayCheck.fill(&check, route, parser.head, bytes.span, peer: peer, settings, table, set)
  }

  /// The request as HTTP. Without a target it is an exact `/check`, whose host stands in the header of the settings.
  private func text(_ settings: APISettings) throws(Refusal) -> String {
    let method = method ?? "GET"
    guard Self.isToken(method) else { throw Refusal(400, "method \"\(method)\" is no HTTP method") }
    let target = target ?? "/check"
    guard !target.isEmpty, !target.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
      throw Refusal(400, "target must not be empty, nor hold spaces or control characters: write %20")
    }
    var text = "\(method) \(target) HTTP/1.1\r\n"
    if let host { text += try Self.line(self.target == nil ? settings.hostHeader : "Host", host) }
    for header in headers { text += try Self.line(header.name, header.value) }
    return text + "\r\n"
  }

  private static func line(_ name: String, _ value: String) throws(Refusal) -> String {
    guard isToken(name) else { throw Refusal(400, "header \"\(name)\": a name must be an HTTP token") }
    guard !value.utf8.contains(where: { $0 == 0 || $0 == 0x0a || $0 == 0x0d }) else {
      throw Refusal(400, "header \(name): a value holds no line break and no NUL")
    }
    return "\(name): \(value)\r\n"
  }

  private static func isToken(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(AttributeName.isToken) }
}
