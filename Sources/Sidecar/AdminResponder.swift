// AdminResponder.swift: the pages for operators, and the few of them that the metrics listener shows.

import CheckAPI
import EventLoop
import HTTP1
import Telemetry

final class AdminResponder: Responder {
  enum Page: Sendable {
    case home, healthz, readyz, health, metrics, policies
    case refused(Refusal)
  }

  private struct Request {
    var page: Page
    var isHead: Bool
  }

  private let pages: AdminPages
  /// `/metrics`, `/healthz` and `/readyz`, and nothing else.
  private let isReadOnly: Bool

  init(_ pages: AdminPages, isReadOnly: Bool) {
    self.pages = pages
    self.isReadOnly = isReadOnly
  }

  func needsBody(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool { false }

  private func request(_ head: RequestHead, _ bytes: Span<UInt8>) -> Request {
    let isHead = Router.isHead(head, bytes)
    let page = page(at: String(bytes, path(of: head, bytes)))
    if case .refused = page { return Request(page: page, isHead: isHead) }
    guard isHead || Router.isMethod("GET", head, bytes) else {
      return Request(page: .refused(Refusal(405, "this page takes GET and HEAD", allow: "GET, HEAD")), isHead: false)
    }
    return Request(page: page, isHead: isHead)
  }

  private func path(of head: RequestHead, _ bytes: Span<UInt8>) -> Range<Int> {
    var end = head.target.lowerBound
    while end < head.target.upperBound, bytes[end] != UInt8(ascii: "?") { end += 1 }
    return head.target.lowerBound..<end
  }

  private func page(at path: String) -> Page {
    switch path {
    case "/healthz": return .healthz
    case "/readyz": return .readyz
    case "/metrics": return .metrics
    case "/health" where !isReadOnly: return .health
    case "/policies" where !isReadOnly: return .policies
    case "/" where !isReadOnly: return .home
    default:
      let known =
        isReadOnly ? "/metrics, /healthz and /readyz" : "/, /health, /healthz, /readyz, /metrics and /policies"
      return .refused(Refusal(404, "nothing here; there are \(known)"))
    }
  }

  func answer(
    _ head: RequestHead, _ bytes: Span<UInt8>, from peer: PeerAddress, for asker: any Asker, after: Afterwards,
    to out: inout ResponseBuffer
  ) -> Answering {
    .answered(status: write(request(head, bytes), after, to: &out))
  }

  private func write(_ request: Request, _ after: Afterwards, to out: inout ResponseBuffer) -> Int {
    func page(_ status: Int, _ type: StaticString, _ body: String) -> Int {
      ErrorAnswer.write(
        status: status, type: type, body: body.utf8.span, isHead: request.isHead, after: after, to: &out)
      return status
    }
    switch request.page {
    case .healthz:
      return HealthPage.write(pages.state.liveness, isHead: request.isHead, after: after, to: &out)
    case .readyz:
      return HealthPage.write(pages.state.readiness, isHead: request.isHead, after: after, to: &out)
    case .health:
      let health = pages.health()
      return page(health.isHealthy ? 200 : 503, "application/json", health.body)
    case .metrics:
      return page(200, MetricsText.contentType, pages.metrics())
    case .policies:
      return page(200, "application/json", pages.policies())
    case .home:
      return page(200, "text/html; charset=utf-8", pages.home())
    case .refused(let refusal):
      ErrorAnswer.write(refusal, isHead: request.isHead, after: after, to: &out)
      return refusal.status
    }
  }

  func answer(
    body: Span<UInt8>, for asker: any Asker, after: Afterwards, to out: inout ResponseBuffer
  ) -> Answering {
    preconditionFailure("no page of this listener takes a body")
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
