// Handle.swift: the life of a libuv handle, the same for every kind.
//
// libuv keeps a pointer to a handle's memory until its close callback has run, so that memory cannot belong to a Swift
// object that may go away earlier. Each handle is allocated on its own, and from `attach` to the close callback it
// holds a retained reference to its owner in `data`: an owner lives at least as long as its handle, even if nobody
// else remembers it. The close callback tells the owner, lets go of it and frees the memory; nothing else does.

import CUV

/// A Swift object that owns libuv handles.
protocol HandleOwner: AnyObject {
  /// Starts to close what is open. May be called twice and from inside any callback.
  func close()
  /// Called once for each handle, when libuv has let go of it. Most owners forgot it, and their handler, in `close`.
  func handleClosed()
}

/// Memory for a handle or request of one kind, zeroed. To be freed by `discardHandle` or by the close callback.
func allocateZeroed<Kind>(_ kind: Kind.Type) -> UnsafeMutablePointer<Kind> {
  let memory = UnsafeMutableRawPointer.allocate(
    byteCount: MemoryLayout<Kind>.size, alignment: MemoryLayout<Kind>.alignment)
  unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<Kind>.size)
  return unsafe memory.assumingMemoryBound(to: Kind.self)
}

/// Frees a handle that was never given to libuv, or which libuv refused.
func discardHandle<Kind>(_ handle: UnsafeMutablePointer<Kind>) {
  unsafe UnsafeMutableRawPointer(handle).deallocate()
}

/// Any handle as the base type that libuv's general calls take.
func base<Kind>(_ handle: UnsafeMutablePointer<Kind>) -> UnsafeMutablePointer<uv_handle_t> {
  unsafe UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
}

/// Gives an initialised handle its owner, which it keeps alive until it is closed.
func attach<Kind>(_ handle: UnsafeMutablePointer<Kind>, to owner: some HandleOwner) {
  unsafe base(handle).pointee.data = Unmanaged<AnyObject>.passRetained(owner).toOpaque()
}

/// The owner that `attach` stored.
func owner<Owner: AnyObject, Kind>(of handle: UnsafeMutablePointer<Kind>, as type: Owner.Type) -> Owner? {
  guard let data = unsafe base(handle).pointee.data else { return nil }
  return unsafe Unmanaged<Owner>.fromOpaque(data).takeUnretainedValue()
}

/// Closes an attached handle: its owner is told and let go, and the memory is freed, in this turn of the loop.
func closeHandle<Kind>(_ handle: UnsafeMutablePointer<Kind>) {
  unsafe uv_close(base(handle)) { handle in
    guard let handle = unsafe handle else { return }
    if let data = unsafe handle.pointee.data {
      let object = unsafe Unmanaged<AnyObject>.fromOpaque(data).takeRetainedValue()
      (object as? any HandleOwner)?.handleClosed()
    }
    unsafe discardHandle(handle)
  }
}
