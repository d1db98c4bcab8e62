// YAMLReader.swift: bytes to a `YAMLNode` tree, through libyaml's event interface.
//
// One document a file, and no tags: the schema knows every type. Aliases stand for what they name; their expansion
// counts against the same bound as written values, and an alias inside its own anchor is refused, so that neither
// "billion laughs" nor a cycle can be built. Merge keys (`<<`) are no part of YAML 1.2 and stay unknown keys. A syntax
// error ends the reading, since what follows one is guesswork.

import CYAML

/// One pass over one file. Safe to use: its pointers live as long as it does, and it hands out none.
@safe struct YAMLReader: ~Copyable {
  /// On the heap, because libyaml keeps the parser's own address inside it.
  let parser: UnsafeMutablePointer<yaml_parser_t>
  /// What `parser` reads; lent by `read` for the reader's whole life.
  let input: UnsafeBufferPointer<UInt8>
  private var anchors: [String: YAMLNode] = [:]
  private var openAnchors: Set<String> = []
  private var nodes = 0

  /// The document in `bytes`; nil where there is none (nothing, or only comments).
  static func read(_ bytes: [UInt8]) throws(YAMLProblem) -> YAMLNode? {
    // SAFETY: the reader, which keeps the pointer, does not leave the closure.
    try unsafe bytes.withUnsafeBufferPointer { (input) throws(YAMLProblem) -> YAMLNode? in
      var reader = try unsafe YAMLReader(input)
      return try reader.document()
    }
  }

  private init(_ input: UnsafeBufferPointer<UInt8>) throws(YAMLProblem) {
    unsafe self.input = input
    unsafe parser = .allocate(capacity: 1)
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      unsafe parser.deallocate()
      throw YAMLProblem(mark: .start, message: "no memory to read the file")
    }
    unsafe yaml_parser_set_input_string(parser, input.baseAddress, input.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
  }

  // MARK: Tree

  private mutating func document() throws(YAMLProblem) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let event = try next()
      switch event.kind {
      case .documentStart:
        guard root == nil else {
          throw YAMLProblem(mark: event.mark, message: "a second document; a policy file holds one")
        }
        root = try node(try next(), depth: 1)
      case .end: return root
      default: continue
      }
    }
  }

  /// The value that begins with `event`.
  private mutating func node(_ event: Event, depth: Int) throws(YAMLProblem) -> YAMLNode {
    if event.hasTag {
      throw YAMLProblem(mark: event.mark, message: "tags (\"!…\") are not supported; put a text with \"!\" in quotes")
    }
    if case .alias(let name) = event.kind { return try alias(name, at: event.mark, depth: depth) }
    guard depth <= FileBounds.depth else {
      throw YAMLProblem(mark: event.mark, message: "nested deeper than \(FileBounds.depth) levels")
    }
    try count(1, at: event.mark)
    if let anchor = event.anchor { openAnchors.insert(anchor) }
    var node = YAMLNode(mark: event.mark, content: .nothing, count: 1, depth: 1)
    switch event.kind {
    case .text(let text): node.content = .text(text)
    case .listStart: try readList(into: &node, depth: depth)
    case .mappingStart: try readMapping(into: &node, depth: depth)
    default: break
    }
    if let anchor = event.anchor {
      openAnchors.remove(anchor)
      anchors[anchor] = node
    }
    return node
  }

  private mutating func readList(into node: inout YAMLNode, depth: Int) throws(YAMLProblem) {
    var elements: [YAMLNode] = []
    while true {
      let event = try next()
      if case .collectionEnd = event.kind { break }
      let element = try self.node(event, depth: depth + 1)
      node.adopt(element)
      elements.append(element)
    }
    node.content = .list(elements)
  }

  private mutating func readMapping(into node: inout YAMLNode, depth: Int) throws(YAMLProblem) {
    var pairs: [YAMLNode.Pair] = []
    while true {
      let event = try next()
      if case .collectionEnd = event.kind { break }
      let key = try self.node(event, depth: depth + 1)
      let value = try self.node(try next(), depth: depth + 1)
      node.adopt(key)
      node.adopt(value)
      pairs.append(YAMLNode.Pair(key: key, value: value))
    }
    node.content = .mapping(pairs)
  }

  private mutating func alias(_ name: String, at mark: Mark, depth: Int) throws(YAMLProblem) -> YAMLNode {
    if openAnchors.contains(name) {
      throw YAMLProblem(mark: mark, message: "alias \"*\(name)\" stands inside the value that it names")
    }
    guard var node = anchors[name] else {
      throw YAMLProblem(
        mark: mark, message: "alias \"*\(name)\" names no anchor; put a text that begins with \"*\" in quotes")
    }
    guard depth + node.depth - 1 <= FileBounds.depth else {
      throw YAMLProblem(mark: mark, message: "nested deeper than \(FileBounds.depth) levels")
    }
    try count(node.count, at: mark)
    node.mark = mark
    return node
  }

  private mutating func count(_ added: Int, at mark: Mark) throws(YAMLProblem) {
    nodes += added
    guard nodes <= FileBounds.nodes else {
      throw YAMLProblem(mark: mark, message: "more than \(FileBounds.nodes) values, aliases counted as what they name")
    }
  }

  // MARK: Events

  /// One event, out of libyaml's hands.
  private struct Event {
    var kind: Kind
    var mark: Mark
    var anchor: String?
    var hasTag = false

    enum Kind {
      case documentStart, listStart, mappingStart, collectionEnd, end, other
      case nothing
      case text(String)
      case alias(String)
    }
  }

  private mutating func next() throws(YAMLProblem) -> Event {
    var raw = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw problem() }
    defer { unsafe yaml_event_delete(&raw) }
    var event = Event(kind: .other, mark: unsafe Self.mark(raw.start_mark))
    switch unsafe raw.type {
    case YAML_STREAM_END_EVENT: event.kind = .end
    case YAML_DOCUMENT_START_EVENT: event.kind = .documentStart
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: event.kind = .collectionEnd
    case YAML_ALIAS_EVENT: event.kind = .alias(unsafe Self.string(raw.data.alias.anchor) ?? "")
    case YAML_SEQUENCE_START_EVENT:
      event.kind = .listStart
      event.anchor = unsafe Self.string(raw.data.sequence_start.anchor)
      event.hasTag = unsafe raw.data.sequence_start.tag != nil
    case YAML_MAPPING_START_EVENT:
      event.kind = .mappingStart
      event.anchor = unsafe Self.string(raw.data.mapping_start.anchor)
      event.hasTag = unsafe raw.data.mapping_start.tag != nil
    case YAML_SCALAR_EVENT:
      let scalar = unsafe raw.data.scalar
      let isNothing = unsafe scalar.length == 0 && scalar.style == YAML_PLAIN_SCALAR_STYLE
      let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      event.kind = isNothing ? .nothing : .text(unsafe String(decoding: bytes, as: UTF8.self))
      event.anchor = unsafe Self.string(scalar.anchor)
      event.hasTag = unsafe scalar.tag != nil
    default: break
    }
    return event
  }

  static func mark(_ mark: yaml_mark_t) -> Mark { Mark(line: mark.line + 1, column: mark.column + 1) }

  private static func string(_ bytes: UnsafePointer<UInt8>?) -> String? {
    // SAFETY: libyaml ends its strings with a zero byte.
    unsafe bytes.map { unsafe String(cString: $0) }
  }
}
