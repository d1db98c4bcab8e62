// AdminResponder.swift: from a request to a row of the table of pages, and from its reply to the answer.

import CheckAPI
import EventLoop
import HTTP1
import Telemetry

final class AdminResponder: Responder {
  private let routes: [AdminRoute]
  private let guardian: AdminGuard
  private let logger: EventLogger
  private let counters: WorkerCounters
  private let refusals = LineSampler(perSecond: Bounds.loggedRefusals)

  /// - Parameter isReadOnly: `/metrics`, `/healthz` and `/readyz`, and nothing else.
  init(
    _ routes: [AdminRoute], _ guardian: AdminGuard, isReadOnly: Bool, counters: WorkerCounters, logger: EventLogger
  ) {
    self.counters = counters
    self.logger = logger
    self.routes = isReadOnly ? routes.filter(\.isForProbes) : routes
    self.guardian = guardian
  }

  /// A request that was understood, on its way to its answer.
  private final class Asked {
    let request: AdminRequest
    let route: Result<AdminRoute, Refusal>

    init(_ request: AdminRequest, _ route: Result<AdminRoute, Refusal>) {
      self.request = request
      self.route = route
    }
  }

  func bodyNeed(_ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress) -> BodyNeed {
    let request = AdminRequest(head, bytes, from: peer)
    let route = route(request)
    let asked = Asked(request, route)
    if case .success(let route) = route, route.takesBody { return .whole(asked) }
    return .none(asked)
  }

  private func route(_ request: AdminRequest) -> Result<AdminRoute, Refusal> {
    let found = find(request)
    switch found {
    case .failure(let refusal): counters.add(.rejection(forPage: refusal.status))
    case .success(let route):
      do throws(Refusal) {
        try guardian.check(request, route)
      } catch {
        if let counter = WorkerCounter.rejection(byGuard: error) { counters.add(counter) }
        if error.status == 401 || error.status == 403 { log(request, error) }
        return .failure(error)
      }
    }
    return found
  }

  private func find(_ request: AdminRequest) -> Result<AdminRoute, Refusal> {
    let here = routes.filter { $0.path == request.path }
    guard !here.isEmpty else {
      let known = Array(Set(routes.map(\.path))).sorted().joined(separator: ", ")
      return .failure(Refusal(404, "nothing here; there are \(known)"))
    }
    guard let route = here.first(where: { Self.takes($0, request.method) }) else {
      let takesPost = here.contains { $0.takesBody }
      return .failure(
        takesPost
          ? Refusal(405, "\(request.path) takes POST", allow: "POST")
          : Refusal(405, "this page takes GET and HEAD", allow: "GET, HEAD"))
    }
    return .success(route)
  }

  /// Who tried what they may not, a line a second at most. The token that they sent is not told.
  private func log(_ request: AdminRequest, _ refusal: Refusal) {
    guard let leftOut = refusals.take(at: Loop.monotonicNow()) else { return }
    logger.log(
      .warning, "admin call refused",
      [
        "by": .string("\(request.peer)"), "method": .string(request.method), "path": .string(request.path),
        "status": .integer(Int64(refusal.status)), "reason": .string(refusal.detail),
        "left_out": .integer(Int64(clamping: leftOut)),
      ])
  }

  private static func takes(_ route: AdminRoute, _ method: String) -> Bool {
    route.takesBody ? method == "POST" : method == "GET" || method == "HEAD"
  }

  func answer(
    _ head: RequestHead, _ bytes: Span<UInt8>, _ context: AnyObject?, from peer: PeerAddress, for asker: any Asker,
    after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    answer(context, for: asker, after, to: &out)
  }

  func answer(
    body: Span<UInt8>, _ context: AnyObject?, for asker: any Asker, after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    (context as? Asked)?.request.body = unsafe body.withUnsafeBufferPointer { unsafe Array($0) }
    return answer(context, for: asker, after, to: &out)
  }

  /// A reply that may come while its request is still being looked at, or later.
  private final class Promise {
    private let asker: any Asker
    private let isHead: Bool
    private var early: AdminReply?
    private var isLater = false

    init(_ asker: any Asker, isHead: Bool) {
      self.asker = asker
      self.isHead = isHead
    }

    func keep(_ reply: AdminReply) {
      guard isLater else {
        early = reply
        return
      }
      asker.complete { after, out in reply.write(isHead: isHead, after, to: &out) }
    }

    /// The reply that came at once; nil: it completes the request when it comes.
    func earlyReply() -> AdminReply? {
      isLater = true
      return early
    }
  }

  private func answer(
    _ context: AnyObject?, for asker: any Asker, _ after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    guard let asked = context as? Asked else { preconditionFailure("every request was understood by `bodyNeed`") }
    let isHead = asked.request.isHead
    switch asked.route {
    case .failure(let refusal):
      return .answered(status: AdminReply.refused(refusal).write(isHead: isHead, after, to: &out))
    case .success(let route):
      let promise = Promise(asker, isHead: isHead)
      do throws(Refusal) {
        switch route.work {
        case .now(let work): promise.keep(try work(asked.request))
        case .later(let work):
          try work(asked.request) { [self] reply in
            count(reply, of: route)
            promise.keep(reply)
          }
        }
      } catch {
        count(.refused(error), of: route)
        promise.keep(.refused(error))
      }
      guard let early = promise.earlyReply() else { return .later }
      return .answered(status: early.write(isHead: isHead, after, to: &out))
    }
  }

  private func count(_ reply: AdminReply, of route: AdminRoute) {
    guard case .refused(let refusal) = reply else { return }
    let counter = WorkerCounter.rejection(byPage: refusal.status, takesBody: route.takesBody)
    if let counter { counters.add(counter) }
  }

  var isStopping: Bool { false }

  func finishedBatch() {}
}

extension String {
  /// The text of a stretch of bytes; what is no UTF-8 becomes U+FFFD.
  init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    self = unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
