// FileWatcher.swift: tells when something in a directory changes (uv_fs_event_t: inotify, FSEvents).
//
// An event is a hint to look again, not a description: several changes may be one event and one change several. A
// watch holds on to the directory itself, not to its path, so it dies with it; libuv reports that as one more event
// under the directory's own name, which is how it is recognised here.
// Left out: directories below the one watched. What the kernel drops when its queue overflows is not reported, and some
// file systems report nothing: look again from time to time all the same.

import CUV

/// What a watched directory reports.
public enum FileEvent: Sendable, Equatable {
  /// Something happened to an entry, or to the directory's own attributes. The name where the system tells it.
  case changed(name: String?)
  /// The directory that was watched was removed or renamed, or its path leads to another one: nothing more will be
  /// reported.
  case lost
  /// The watch failed: nothing more will be reported.
  case failed(UVError)
}

/// A watch over the entries of one directory, or over one file.
@safe public final class FileWatcher: HandleOwner {
  private let path: String
  private let baseName: String
  private let identity: Platform.FileIdentity?
  private var handle: UnsafeMutablePointer<uv_fs_event_t>?
  private var handler: ((FileEvent) -> Void)?

  /// Watches `path` until it is closed; symbolic links are followed.
  ///
  /// - Throws: When `path` does not exist, may not be read, or the system has no watches left.
  public init(loop: Loop, path: String, handler: @escaping (FileEvent) -> Void) throws(UVError) {
    // libuv takes what follows the last slash for the directory's own name.
    var path = path
    while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.path = path
    baseName = path.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
    identity = Platform.identity(ofFile: path, followingLinks: true)
    self.handler = handler
    let event = unsafe allocateZeroed(uv_fs_event_t.self)
    unsafe uv_fs_event_init(loop.uv, event)  // cannot fail: it only links the handle into the loop
    unsafe attach(event, to: self)
    let result = unsafe uv_fs_event_start(
      event,
      { handle, name, _, status in
        guard let handle = unsafe handle, let watcher = unsafe owner(of: handle, as: FileWatcher.self) else { return }
        let name = unsafe name.map { unsafe String(cString: $0) }
        watcher.report(name: name, status: status)
      }, path, 0)
    guard result == 0 else {
      unsafe closeHandle(event)
      throw UVError(code: result)
    }
    unsafe handle = event
  }

  /// Ends the watch; nothing more is reported. May be called twice and from the handler.
  public func close() {
    guard let event = unsafe handle else { return }
    unsafe handle = nil
    handler = nil
    unsafe closeHandle(event)
  }

  func handleClosed() {}

  private func report(name: String?, status: Int32) {
    guard unsafe handle != nil else { return }
    if status < 0 {
      end(.failed(UVError(code: status)))
    } else if name == baseName, Platform.identity(ofFile: path, followingLinks: true) != identity {
      end(.lost)
    } else {
      handler?(.changed(name: name))
    }
  }

  private func end(_ event: FileEvent) {
    let last = handler
    close()
    last?(event)
  }
}
