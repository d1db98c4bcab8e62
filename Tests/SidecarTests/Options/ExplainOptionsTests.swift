// ExplainOptionsTests.swift: the options of `weir explain`.

import CheckAPI
import Testing

@testable import Sidecar

@Suite struct ExplainOptionsTests {
  private func parse(_ arguments: [String], _ environment: [String: String] = [:]) throws -> ExplainOptions {
    try ExplainOptions.parse(arguments: arguments, environment: environment)
  }

  private func complaint(_ arguments: String...) -> String? {
    do throws(UsageError) {
      _ = try ExplainOptions.parse(arguments: arguments, environment: [:])
      return nil
    } catch {
      return error.message
    }
  }

  @Test("nothing said is a check without facts, against the usual path")
  func defaults() throws {
    #expect(try parse([]) == ExplainOptions())
    #expect(try parse([]).check == DescribedCheck())
  }

  @Test("each flag says a fact")
  func facts() throws {
    let options = try parse([
      "--policies", "p", "--domain", "api", "--method", "PUT", "--path", "/v1/x?q=1", "--host", "a.example", "--ip",
      "192.0.2.7", "--header", "x-plan: free", "--header=X-Plan:pro: max ", "--attribute", "plan=a=b", "--attribute",
      "team=", "--cost", "0", "--format", "json", "--redis", "redis://h", "--ipv6-prefix", "48",
    ])
    var check = DescribedCheck()
    check.domain = "api"
    check.method = "PUT"
    check.target = "/v1/x?q=1"
    check.host = "a.example"
    check.ip = "192.0.2.7"
    check.headers = [DescribedCheck.Field("x-plan", "free"), DescribedCheck.Field("X-Plan", "pro: max ")]
    check.attributes = [DescribedCheck.Field("plan", "a=b"), DescribedCheck.Field("team", "")]
    check.cost = 0
    #expect(options.check == check)
    #expect(options.policies == "p")
    #expect(options.format == .json)
    #expect(options.redis?.secretText == "redis://h")
    #expect(options.ipv6Prefix == 48)
  }

  @Test("only what the server shares has a variable")
  func variables() throws {
    let options = try parse(
      [],
      [
        "WEIR_POLICIES": "e", "WEIR_REDIS": "redis://h", "WEIR_IPV6_PREFIX": "56", "WEIR_HEADER": "nonsense",
        "WEIR_METHOD": "G T", "WEIR_FORMAT": "x", "WEIR_COST": "x",
      ])
    #expect(options.policies == "e")
    #expect(options.redis != nil)
    #expect(options.ipv6Prefix == 56)
    #expect(options.check == DescribedCheck())
  }

  @Test("a fact that could not be one is named with its flag and what is expected")
  func wrong() {
    #expect(complaint("--method", "G T") == "--method \"G T\": expected a method such as GET")
    #expect(complaint("--path", "/a b") == "--path \"/a b\": expected a target such as /v1/x?q=1, without spaces")
    #expect(complaint("--path", "") == "--path \"\": expected a target such as /v1/x?q=1, without spaces")
    #expect(complaint("--host", "a\nb")?.hasPrefix("--host ") == true)
    #expect(complaint("--ip", "10.0.0.0/8") == "--ip \"10.0.0.0/8\": expected an IP address")
    #expect(complaint("--header", "x-plan") == "--header \"x-plan\": expected a header such as 'x-plan: free'")
    #expect(complaint("--header", "x plan: a")?.hasPrefix("--header ") == true)
    #expect(complaint("--header", ": a")?.hasPrefix("--header ") == true)
    #expect(complaint("--attribute", "plan")?.hasPrefix("--attribute ") == true)
    #expect(complaint("--attribute", "Plan!=a")?.hasPrefix("--attribute ") == true)
    #expect(complaint("--attribute", "ip=x")?.hasPrefix("--attribute ") == true)
    #expect(complaint("--cost", "-1")?.hasPrefix("--cost \"-1\": expected a whole number, 0 to 1000000000") == true)
    #expect(complaint("--domain", "A")?.hasPrefix("--domain \"A\": expected a domain") == true)
    #expect(complaint("--format", "xml") == "--format \"xml\": expected text or json")
    #expect(complaint("p") == "unexpected argument \"p\": expected flags")
    #expect(complaint("--hedder", "a: b")?.contains("the nearest is --header") == true)
    #expect(complaint("--method", "GET", "--method", "PUT") == "--method is given twice: expected once")
  }

  @Test("facts that are right by themselves may still make no request")
  func together() {
    #expect(
      complaint("--path", "/", "--host", "a", "--header", "Host: b") == "no such check: more than one Host header")
  }
}
