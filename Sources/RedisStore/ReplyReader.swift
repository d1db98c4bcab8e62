// ReplyReader.swift: bytes to replies, over hiredis' redisReader.
//
// hiredis calls back for each piece of a reply. Here a piece becomes a node in an array that is used again for the next
// reply, and the bytes of strings are copied once, into one buffer that is used again too: a reply costs no allocation
// once both are warm. A node is known to hiredis by its number, dressed up as a pointer that nobody follows.
//
// A server that is not Redis, or has gone mad, must not crash us or fill our memory: hiredis refuses most garbage, and
// what it would believe (an array of 2^31 elements, a string of 500 MB) is refused here.
//
// Written for hiredis 0.14, whose types of counts differ from those of 1.x: closures convert what they are given. RESP3
// is never asked for, so its types are garbage.

import CHiredis

/// The replies of one connection. Not for several threads.
@safe final class ReplyReader {
  enum Outcome: Equatable {
    /// `reply` holds the next one.
    case reply
    /// More bytes are needed.
    case incomplete
    /// What came is no reply, or too long a one, and why. Nothing that follows can be understood: close.
    case malformed(String)
  }

  /// A piece of the reply, the whole of it first.
  struct Node {
    enum Kind: UInt8 { case string, integer, array, status, error, none }
    var kind: Kind
    var number: Int64 = 0
    /// Bytes from `start`, or elements.
    var count: Int32 = 0
    var start = 0
    /// Indices of nodes; 0, the root's, where there is none.
    var firstElement = 0
    var nextElement = 0
    /// The last element read so far, and how many have been.
    var lastElement = 0
    var elementsRead: Int32 = 0
    /// Arrays around it.
    var depth: Int32 = 0

    var hasBytes: Bool { kind == .string || kind == .status || kind == .error }
  }

  fileprivate(set) var nodes: [Node] = []
  fileprivate(set) var bytes: [UInt8] = []
  private let reader: UnsafeMutablePointer<redisReader>
  private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
  private var fault: String?

  init() {
    unsafe functions = .allocate(capacity: 1)
    unsafe functions.initialize(to: Self.makeFunctions())
    guard let reader = unsafe redisReaderCreateWithFunctions(functions) else {
      preconditionFailure("no memory for a reader of replies")
    }
    unsafe self.reader = reader
    unsafe reader.pointee.maxbuf = numericCast(Bounds.readerRoom)
    // SAFETY: hiredis hands the pointer back only from inside `next`, while this object is alive.
    unsafe reader.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit {
    unsafe redisReaderFree(reader)
    unsafe functions.deallocate()
  }

  /// Adds bytes that have come. They are copied.
  func feed(_ input: Span<UInt8>) {
    guard input.count > 0, fault == nil else { return }
    let result = unsafe input.withUnsafeBytes { bytes in
      unsafe redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), numericCast(bytes.count))
    }
    if result != REDIS_OK { fault = errorText }
  }

  /// Reads the next reply out of what was fed; the one before is gone. Once malformed, it stays so.
  func next() -> Outcome {
    if let fault { return .malformed(fault) }
    if !isPartial { forgetReply() }
    var object: UnsafeMutableRawPointer?
    guard unsafe redisReaderGetReply(reader, &object) == REDIS_OK else { return malformed(errorText) }
    guard unsafe object != nil else {
      guard bytes.count + unconsumed <= Bounds.reply else {
        return malformed("a reply of more than \(Bounds.reply) bytes")
      }
      isPartial = !nodes.isEmpty
      return .incomplete
    }
    isPartial = false
    // A RESP3 type makes hiredis 1.x leave out its callback.
    guard !nodes.isEmpty, nodes.allSatisfy({ $0.kind != .array || $0.elementsRead == $0.count }) else {
      return malformed("a reply of an unknown type")
    }
    return .reply
  }

  /// The reply that `next` has found, until `next` is called again.
  func withReply(_ body: (Reply) -> Void) {
    precondition(!nodes.isEmpty && !isPartial, "a reply is looked at after it was found")
    body(Reply(reader: self, index: 0))
  }

  /// Whether `nodes` holds the beginning of an array whose end has not come.
  private var isPartial = false

  private var unconsumed: Int { unsafe Int(reader.pointee.len) - Int(reader.pointee.pos) }

  private func forgetReply() {
    nodes.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }

  private func malformed(_ text: String) -> Outcome {
    fault = fault ?? text
    isPartial = false
    forgetReply()
    return .malformed(text)
  }

  /// hiredis' own words; they quote at most one byte of what came, escaped.
  private var errorText: String {
    unsafe withUnsafePointer(to: &reader.pointee.errstr) { text in
      unsafe text.withMemoryRebound(to: CChar.self, capacity: 128) { unsafe String(cString: $0) }
    }
  }
}

// MARK: what hiredis calls

extension ReplyReader {
  private static func makeFunctions() -> redisReplyObjectFunctions {
    var functions = redisReplyObjectFunctions()
    unsafe functions.createString = { task, text, count in
      guard let reader = unsafe ReplyReader.of(task), let text = unsafe text else { return nil }
      let start = reader.bytes.count
      let new = unsafe UnsafeRawBufferPointer(start: text, count: Int(count))
      unsafe reader.bytes.append(contentsOf: new)
      let kind: Node.Kind
      switch unsafe task?.pointee.type {
      case REDIS_REPLY_STRING: kind = .string
      case REDIS_REPLY_STATUS: kind = .status
      case REDIS_REPLY_ERROR: kind = .error
      default: return nil  // a string of RESP3
      }
      return unsafe reader.add(Node(kind: kind, count: Int32(clamping: Int(count)), start: start), task)
    }
    unsafe functions.createArray = { task, count in
      // Each element takes 4 bytes at least; maps and sets are RESP3. A null makes hiredis stop with an error.
      guard let reader = unsafe ReplyReader.of(task), unsafe task?.pointee.type == REDIS_REPLY_ARRAY,
        Int(count) <= Bounds.reply / 4
      else { return nil }
      return unsafe reader.add(Node(kind: .array, count: Int32(clamping: Int(count))), task)
    }
    unsafe functions.createInteger = { task, value in
      unsafe ReplyReader.of(task).flatMap { unsafe $0.add(Node(kind: .integer, number: Int64(value)), task) }
    }
    unsafe functions.createNil = { task in
      guard unsafe task?.pointee.type != REDIS_REPLY_NIL else { return nil }  // that of RESP3
      return unsafe ReplyReader.of(task).flatMap { unsafe $0.add(Node(kind: .none), task) }
    }
    unsafe functions.freeObject = { _ in }
    return functions
  }

  private static func of(_ task: UnsafePointer<redisReadTask>?) -> ReplyReader? {
    guard let pointer = unsafe task?.pointee.privdata else { return nil }
    return unsafe Unmanaged<ReplyReader>.fromOpaque(pointer).takeUnretainedValue()
  }

  /// Appends a node to the array that `task` says it belongs to.
  ///
  /// - Returns: The node's number plus one, in the form of a pointer.
  private func add(_ node: Node, _ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
    let index = nodes.count
    nodes.append(node)
    if let parent = unsafe task?.pointee.parent {
      let owner = unsafe Int(bitPattern: parent.pointee.obj) - 1
      guard nodes.indices.contains(owner), nodes[owner].depth < Bounds.replyDepth else { return nil }
      nodes[index].depth = nodes[owner].depth + 1
      if nodes[owner].firstElement == 0 {
        nodes[owner].firstElement = index
      } else {
        nodes[nodes[owner].lastElement].nextElement = index
      }
      nodes[owner].lastElement = index
      nodes[owner].elementsRead += 1
    }
    return unsafe UnsafeMutableRawPointer(bitPattern: index + 1)
  }
}
