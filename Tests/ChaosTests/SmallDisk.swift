// SmallDisk.swift: a disk of a few pages for a log, to be filled and emptied. It needs root; without, the log goes to
// /dev/full, which is a disk that was full all the time.

import Foundation
import Glibc
import TestKit

final class SmallDisk: Sendable {
  /// Where to log.
  let log: String
  /// Whether it can be filled and emptied.
  let isReal: Bool
  private let directory: TemporaryDirectory

  private static let size = 256 * 1024

  init() throws {
    directory = try TemporaryDirectory()
    let options = "size=\(Self.size),mode=755"
    isReal = unsafe mount("none", directory.path, "tmpfs", 0, options) == 0
    log = isReal ? directory.file("weir.log") : "/dev/full"
  }

  deinit {
    // The weir that still writes there is ended a moment later: the mount goes with it.
    if isReal { _ = unsafe umount2(directory.path, Int32(MNT_DETACH)) }
  }

  func fill() throws {
    guard isReal else { return }
    let descriptor = unsafe open(directory.file("filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw SystemFailure("open the filler") }
    defer { close(descriptor) }
    let page = [UInt8](repeating: 0, count: 4096)
    while unsafe write(descriptor, page, page.count) > 0 {}
  }

  /// Makes room again, also of what was logged.
  func empty() throws {
    guard isReal else { return }
    try directory.remove("filler")
    _ = unsafe truncate(log, 0)
  }
}
