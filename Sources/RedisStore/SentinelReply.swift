// SentinelReply.swift: what sentinels say, read: SENTINEL MASTER, SENTINEL GET-MASTER-ADDR-BY-NAME, and announcements of
// failovers. Pure.

/// Readers of replies. What makes no sense is nil, or false.
enum SentinelReply {
  /// Where a sentinel tells that it has made, or learnt of, another master.
  static let channel = "+switch-master"

  /// The configuration epoch in the reply to SENTINEL MASTER: names and values in turn.
  static func epoch(_ reply: Reply) -> Int64? {
    var isNext = false
    var isValue = false
    var epoch: Int64?
    reply.visitElements { element in
      if isValue {
        if isNext { epoch = number(element.allBytes) }
      } else {
        isNext = element.holds("config-epoch")
      }
      isValue.toggle()
    }
    return epoch
  }

  /// The address in the reply to SENTINEL GET-MASTER-ADDR-BY-NAME: host and port.
  static func address(_ reply: Reply) -> NodeAddress? {
    guard reply.kind == .array(count: 2) else { return nil }
    var words: [[UInt8]] = []
    reply.visitElements { if $0.kind == .string { words.append($0.allBytes) } }
    guard words.count == 2, !words[0].isEmpty, words[0].count <= Bounds.hostName,
      words[0].allSatisfy({ $0 > 0x20 && $0 < 0x7f }), let port = number(words[1]), (1...65_535).contains(port)
    else { return nil }
    return NodeAddress(host: String(decoding: words[0], as: UTF8.self), port: UInt16(port))
  }

  /// Whether it is an announcement, rather than the answer to a PING.
  static func isMessage(_ reply: Reply) -> Bool {
    guard reply.kind == .array(count: 3) else { return false }
    var isFirst = true
    var isMessage = false
    reply.visitElements { element in
      if isFirst { isMessage = element.holds("message") }
      isFirst = false
    }
    return isMessage
  }

  /// Whether it announces that the master of this name is another: `name old-host old-port host port`.
  static func announces(_ reply: Reply, _ name: [UInt8]) -> Bool {
    guard isMessage(reply) else { return false }
    var index = 0
    var isOurs = false
    reply.visitElements { element in
      if index == 2 { isOurs = element.allBytes.starts(with: name + [UInt8(ascii: " ")]) }
      index += 1
    }
    return isOurs
  }

  /// Decimal digits, at most as many as an Int64 surely holds.
  private static func number(_ bytes: [UInt8]) -> Int64? {
    guard !bytes.isEmpty, bytes.count <= 18 else { return nil }
    var number: Int64 = 0
    for byte in bytes {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return number
  }
}

extension Reply {
  /// Whether it is a string of these characters.
  fileprivate func holds(_ text: String) -> Bool { kind == .string && allBytes.elementsEqual(text.utf8) }
}
