// AdminRoutes.swift: every page and call of the admin listener, and the few of them that the metrics listener has.

import CheckAPI
import Telemetry

extension AdminPages {
  /// The table, in the order of a 404's list.
  func routes() -> [AdminRoute] {
    [
      AdminRoute(
        method: "GET", path: "/", access: .open,
        work: .now { _ in .page(type: HomePage.type, headers: HomePage.headers, body: HomePage.text) }),
      AdminRoute(
        method: "GET", path: "/healthz", isForProbes: true, work: .now { [state] _ in .health(state.liveness) }),
      AdminRoute(
        method: "GET", path: "/readyz", isForProbes: true, work: .now { [state] _ in .health(state.readiness) }),
      AdminRoute(
        method: "GET", path: "/health",
        work: .now { [self] _ in
          let health = health()
          return .page(status: health.isHealthy ? 200 : 503, type: "application/json", body: health.body)
        }),
      AdminRoute(
        method: "GET", path: "/metrics", isForProbes: true,
        work: .now { [self] request in
          let format = MetricsFormat.preferred(by: request.header("accept"))
          return .page(type: format.contentType, headers: "Vary: Accept\r\n", body: metrics(format))
        }),
      AdminRoute(
        method: "GET", path: "/policies", access: .reads,
        work: .now { [self] _ in .page(type: "application/json", body: policies()) }),
      AdminRoute(
        method: "GET", path: "/keys", access: .reads,
        work: .later { [desk] (request, reply) throws(Refusal) in try desk.show(request, reply) }),
      AdminRoute(
        method: "GET", path: "/keys/top", access: .reads,
        work: .later { [self] (request, reply) throws(Refusal) in try topKeys(request, reply) }),
      AdminRoute(
        method: "POST", path: "/keys/reset", access: .changes,
        work: .later { [desk] (request, reply) throws(Refusal) in try desk.reset(request, reply) }),
      AdminRoute(
        method: "POST", path: "/keys/grant", access: .changes,
        work: .later { [desk] (request, reply) throws(Refusal) in try desk.grant(request, reply) }),
      AdminRoute(
        method: "POST", path: "/keys/block", access: .changes,
        work: .later { [desk] (request, reply) throws(Refusal) in try desk.block(request, reply) }),
      AdminRoute(
        method: "POST", path: "/keys/unblock", access: .changes,
        work: .later { [desk] (request, reply) throws(Refusal) in try desk.unblock(request, reply) }),
      AdminRoute(
        method: "POST", path: "/explain", access: .reads,
        work: .later { [self] (request, reply) throws(Refusal) in try explain(request, reply) }),
    ]
  }
}
