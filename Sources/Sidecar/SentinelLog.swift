// SentinelLog.swift: what the sentinels say, in the log.

import RedisStore
import Telemetry

/// Logs what is news by itself; see `MasterObserver`.
final class SentinelLog: MasterObserver {
  private let url: String
  private let logger: EventLogger

  /// - Parameter url: Without secrets.
  init(url: String, logger: EventLogger) {
    self.url = url
    self.logger = logger
  }

  func masterFound(at address: NodeAddress, epoch: Int64) {
    logger.log(
      .info, "redis master",
      ["redis": .string(url), "master": .string("\(address)"), "epoch": .integer(epoch)])
  }

  func sentinelFailed(_ failure: RedisFailure, detail: String) {
    logger.log(
      .warning, "sentinel failed",
      ["redis": .string(url), "failure": .string(failure.rawValue), "detail": .string(detail)])
  }

  func sentinelAnswers(_ sentinel: NodeAddress) {
    logger.log(.info, "sentinel answers", ["redis": .string(url), "sentinel": .string("\(sentinel)")])
  }
}
