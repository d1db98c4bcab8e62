// Answer.swift: a decision as an HTTP response. The rules come from trying gateways: an allowance is exactly 200 with
// no content, since Envoy takes 204 for a denial and nginx and Caddy drop a connection after content they did not ask for.
// Where a policy that fails closed could not decide, the answer is an error (Answer+Undecided.swift).

public import HTTP1
public import Limiting
public import Policies

/// What becomes of the connection after an answer.
public enum Afterwards: Sendable {
  case keep
  /// As `keep`, said out loud, as HTTP/1.0 needs it.
  case keepHTTP10
  case close
}

/// Writes one decision.
public struct Answer: ~Copyable {
  let style: AnswerStyle
  let set: PolicySet
  let now: Now
  let redisUnix: Int64
  let after: Afterwards

  /// - Parameters:
  ///   - set: The one that made the charges.
  ///   - now: When the check was decided.
  ///   - redisUnix: Redis's own clock at its decision, in nanoseconds since the Unix epoch: what a reset of a charge
  ///     that Redis decided counts from. nil: Redis decided none.
  public init(_ style: AnswerStyle, _ set: PolicySet, at now: Now, redisUnix: Int64? = nil, after: Afterwards) {
    self.style = style
    self.set = set
    self.now = now
    self.redisUnix = redisUnix ?? now.unix
    self.after = after
  }

  /// Answers the gateway form.
  ///
  /// - Parameters:
  ///   - charges: As the stores left them. Where there are none, the outcome is `.allowed`.
  ///   - denyStatus: That of a denial, where the query asked for one; nil: that of the style.
  /// - Returns: The status.
  @discardableResult
  public func writeGateway(
    _ charges: borrowing [Charge], _ outcome: CheckOutcome, denyStatus: Int?, isHead: Bool,
    to out: inout ResponseBuffer
  ) -> Int {
    let binding = Self.bindingIndex(charges)
    switch outcome {
    case .allowed:
      out.append("HTTP/1.1 200 OK\r\n")
      writeLimits(charges, binding, isAllowed: true, withIETF: style.sendsIETFHeaders, to: &out)
      writeConnection(to: &out)
      out.append("Content-Length: 0\r\n\r\n")
      return 200
    case .denied:
      let status = denyStatus ?? style.denyStatus
      writeGatewayDenial(charges, binding, status, isHead: isHead, to: &out)
      return status
    case .undecided:
      return writeUndecided(charges, isHead: isHead, withDate: false, to: &out)
    }
  }

  private func writeGatewayDenial(
    _ charges: borrowing [Charge], _ binding: Int, _ status: Int, isHead: Bool, to out: inout ResponseBuffer
  ) {
    writeStatusLine(status, to: &out)
    writeLimits(charges, binding, isAllowed: false, withIETF: style.sendsIETFHeaders, to: &out)
    writeConnection(to: &out)
    guard style.sendsDenyBody else {
      out.append("Content-Length: 0\r\n\r\n")
      return
    }
    out.append("Content-Type: application/problem+json\r\nContent-Length: ")
    let gap = out.openGap()
    out.append("\r\n\r\n")
    let bodyStart = out.count
    let domain = set.policies[Int(charges[0].policy)].domain
    writeBody(charges, binding, isAllowed: false, status: status, domain: domain.utf8.span, to: &out)
    let length = out.count - bodyStart
    // A HEAD is told the length, but gets no content (RFC 9110 section 9.3.2).
    if isHead { out.removeLast(length) }
    out.close(gap, with: length)
  }

  /// Answers the JSON form.
  ///
  /// - Parameters:
  ///   - charges: As the stores left them. Where there are none, the outcome is `.allowed`.
  ///   - domain: As the check named it.
  /// - Returns: The status.
  @discardableResult
  public func writeJSON(
    _ charges: borrowing [Charge], _ outcome: CheckOutcome, domain: Span<UInt8>, to out: inout ResponseBuffer
  ) -> Int {
    guard outcome != .undecided else { return writeUndecided(charges, isHead: false, withDate: true, to: &out) }
    let binding = Self.bindingIndex(charges)
    let isAllowed = outcome == .allowed
    let status = isAllowed ? 200 : 429
    writeStatusLine(status, to: &out)
    writeLimits(charges, binding, isAllowed: isAllowed, withIETF: true, to: &out)
    writeConnection(to: &out)
    writeDate(to: &out)
    out.append("Content-Type: ")
    out.append(isAllowed ? "application/json" : "application/problem+json")
    out.append("\r\nContent-Length: ")
    let gap = out.openGap()
    out.append("\r\n\r\n")
    let bodyStart = out.count
    writeBody(charges, binding, isAllowed: isAllowed, status: status, domain: domain, to: &out)
    let length = out.count - bodyStart
    out.close(gap, with: length)
    return status
  }

  // MARK: Which policy binds

  /// The charge whose numbers the answer carries: of those that enforce and have numbers, the one that binds; -1 where
  /// there is none.
  public static func bindingIndex(_ charges: borrowing [Charge]) -> Int {
    var best = -1
    for index in charges.indices where carriesNumbers(charges[index]) {
      if best < 0 || charges[index].decision.binds(over: charges[best].decision) { best = index }
    }
    return best
  }

  private static func carriesNumbers(_ charge: Charge) -> Bool { !charge.isShadow && charge.isDecided }

  // MARK: Headers

  func writeStatusLine(_ status: Int, to out: inout ResponseBuffer) {
    out.append("HTTP/1.1 ")
    out.append(decimal: Int64(status))
    out.append(byte: 0x20)
    out.append(StatusText.reason(for: status))
    out.append("\r\n")
  }

  func writeDate(to out: inout ResponseBuffer) {
    out.append("Date: ")
    HTTPDate.append(unixSeconds: now.unix / Self.second, to: &out)
    out.append("\r\n")
  }

  func writeConnection(to out: inout ResponseBuffer) {
    switch after {
    case .keep: break
    case .keepHTTP10: out.append("Connection: keep-alive\r\n")
    case .close: out.append("Connection: close\r\n")
    }
  }

  private func writeLimits(
    _ charges: borrowing [Charge], _ binding: Int, isAllowed: Bool, withIETF: Bool, to out: inout ResponseBuffer
  ) {
    if binding >= 0 {
      let decision = charges[binding].decision
      out.append("X-RateLimit-Limit: ")
      out.append(decimal: decision.limit)
      out.append("\r\nX-RateLimit-Remaining: ")
      out.append(decimal: decision.remaining)
      out.append("\r\nX-RateLimit-Reset: ")
      out.append(decimal: reset(charges[binding]))
      out.append("\r\n")
      if !isAllowed, decision.outcome == .deny {
        out.append("Retry-After: ")
        out.append(decimal: Self.retryAfter(decision))
        out.append("\r\n")
      }
      if withIETF {
        writeIETF("RateLimit-Policy: ", charges, binding, to: &out) { charge, out in
          out.append(";q=")
          out.append(decimal: charge.decision.limit)
          out.append(";w=")
          out.append(decimal: Self.window(charge.limit))
        }
        writeIETF("RateLimit: ", charges, binding, to: &out) { charge, out in
          out.append(";r=")
          out.append(decimal: charge.decision.remaining)
          if let seconds = Self.untilMore(charge.decision) {
            out.append(";t=")
            out.append(decimal: seconds)
          }
        }
      }
    }
    out.append("Cache-Control: no-store\r\n")
  }

  /// A list of policies (RFC 9651), the binding one first, then the others that enforce: at most 16, so that all
  /// headers stay below 4 KB.
  private func writeIETF(
    _ name: StaticString, _ charges: borrowing [Charge], _ binding: Int, to out: inout ResponseBuffer,
    _ parameters: (Charge, inout ResponseBuffer) -> Void
  ) {
    out.append(name)
    writeItem(charges[binding], to: &out, parameters)
    var written = 1
    for index in charges.indices where index != binding && Self.carriesNumbers(charges[index]) {
      guard written < 16 else { break }
      out.append(", ")
      writeItem(charges[index], to: &out, parameters)
      written += 1
    }
    out.append("\r\n")
  }

  private func writeItem(
    _ charge: Charge, to out: inout ResponseBuffer, _ parameters: (Charge, inout ResponseBuffer) -> Void
  ) {
    out.append(byte: UInt8(ascii: "\""))
    out.append(string: set.policies[Int(charge.policy)].name)
    out.append(byte: UInt8(ascii: "\""))
    parameters(charge, &out)
  }

  // MARK: The body

  private func writeBody(
    _ charges: borrowing [Charge], _ binding: Int, isAllowed: Bool, status: Int, domain: Span<UInt8>,
    to out: inout ResponseBuffer
  ) {
    out.append("{")
    if !isAllowed {
      out.append("\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",")
      out.append("\"title\":\"Too Many Requests\",\"status\":")
      out.append(decimal: Int64(status))
      out.append(",\"violated-policies\":")
      writeNames(charges, to: &out) { Self.carriesNumbers($0) && !$0.decision.isAllowed }
      out.append(",")
    }
    out.append(isAllowed ? "\"allowed\":true,\"domain\":" : "\"allowed\":false,\"domain\":")
    out.append(jsonString: domain)
    out.append(",\"policies\":")
    out.append(decimal: Int64(charges.count))
    if binding >= 0 {
      let decision = charges[binding].decision
      out.append(",\"policy\":\"")
      out.append(string: set.policies[Int(charges[binding].policy)].name)
      out.append("\",\"limit\":")
      out.append(decimal: decision.limit)
      out.append(",\"remaining\":")
      out.append(decimal: decision.remaining)
      out.append(",\"reset\":")
      out.append(decimal: reset(charges[binding]))
      if !isAllowed {
        out.append(",\"retry_after\":")
        if decision.outcome == .deny { out.append(decimal: Self.retryAfter(decision)) } else { out.append("null") }
      }
    }
    if charges.contains(where: Self.isShadowDenial) {
      out.append(",\"shadow_denied\":")
      writeNames(charges, to: &out, where: Self.isShadowDenial)
    }
    if charges.contains(where: Self.isDegraded) { out.append(",\"degraded\":true") }
    out.append("}")
  }

  private static func isShadowDenial(_ charge: Charge) -> Bool {
    charge.isShadow && charge.isDecided && !charge.decision.isAllowed
  }

  /// Whether `on_store_failure` decided it.
  private static func isDegraded(_ charge: Charge) -> Bool {
    charge.effect == .limit && (charge.place == .fallback || charge.place == .nowhere)
  }

  private func writeNames(
    _ charges: borrowing [Charge], to out: inout ResponseBuffer, where included: (Charge) -> Bool
  ) {
    out.append("[")
    var isFirst = true
    for index in charges.indices where included(charges[index]) {
      out.append(isFirst ? "\"" : ",\"")
      out.append(string: set.policies[Int(charges[index].policy)].name)
      out.append("\"")
      isFirst = false
    }
    out.append("]")
  }

  // MARK: Nanoseconds to seconds, always rounded up

  private static let second: Int64 = 1_000_000_000

  private static func seconds(_ nanoseconds: Int64) -> Int64 {
    nanoseconds / second + (nanoseconds % second > 0 ? 1 : 0)
  }

  private func reset(_ charge: Charge) -> Int64 {
    switch style.reset {
    case .delta: return Self.seconds(charge.decision.reset)
    case .epoch:
      let isByRedis = charge.effect == .limit && charge.place == .redis
      let sum = (isByRedis ? redisUnix : now.unix).addingReportingOverflow(charge.decision.reset)
      return Self.seconds(sum.overflow ? Int64.max : sum.partialValue)
    }
  }

  /// What `Retry-After` says of a denial, in seconds. At least 1: clients take 0 for "at once".
  public static func retryAfter(_ decision: Decision) -> Int64 { max(1, seconds(decision.retryAfter)) }

  /// Seconds in which the limit header's number comes: the period, or for a bucket the time to fill it.
  private static func window(_ limit: Limit) -> Int64 {
    guard limit.algorithm == .tokenBucket, limit.burst != limit.limit else { return seconds(limit.period) }
    // A year times a billion passes 64 bits, and so does its quotient by a small limit, which is held at 292 years.
    let product = UInt128(limit.period.magnitude) * UInt128(limit.burst.magnitude)
    let (quotient, remainder) = product.quotientAndRemainder(dividingBy: UInt128(limit.limit.magnitude))
    return seconds(Int64(clamping: quotient + (remainder > 0 ? 1 : 0)))
  }

  /// Seconds until more is available; nil where no wait brings more.
  private static func untilMore(_ decision: Decision) -> Int64? {
    switch decision.outcome {
    case .allow: seconds(decision.nextUnit)
    case .deny: retryAfter(decision)
    case .denyAlways: nil
    }
  }
}
