// ClientAddress.swift: who asked, as the gateway form knows it. Each proxy appends the address it saw to the list, so
// the list is trustworthy only from its right end, and only as far as the proxies that wrote it are trusted.

import HTTP1
import Policies

enum ClientAddress {
  /// The right-most address in the client address header that is not itself a trusted proxy's; the peer's own where
  /// the peer is not trusted or the header says nothing usable; nil where the peer is a Unix socket then.
  ///
  /// An entry that is no address ends the walk: what stands left of it could have been written by anybody. Where all
  /// entries are trusted, it is the left-most.
  static func of(
    _ head: RequestHead, _ bytes: Span<UInt8>, peer: IPAddress?, hasClientIP: Bool, _ settings: APISettings,
    _ table: HeaderTable
  ) -> IPAddress? {
    if let peer, !settings.trustedProxies.contains(peer) { return peer }
    guard hasClientIP else { return peer }
    var found = peer
    for header in head.headers.reversed() {
      let index = table.find(header, in: bytes)
      guard index >= 0, table.entries[index].roles.contains(.clientIP) else { continue }
      var end = header.value.upperBound
      while true {
        var start = end
        while start > header.value.lowerBound, bytes[start - 1] != UInt8(ascii: ",") { start -= 1 }
        let entry = trimmed(start, end, bytes)
        if !entry.isEmpty {
          guard let address = address(in: bytes.extracting(entry)) else { return found }
          found = address
          if !settings.trustedProxies.contains(address) { return found }
        }
        guard start > header.value.lowerBound else { break }
        end = start - 1
      }
    }
    return found
  }

  private static func trimmed(_ start: Int, _ end: Int, _ bytes: Span<UInt8>) -> Range<Int> {
    var start = start
    var end = end
    while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
    return start..<end
  }

  /// Reads an address with or without brackets and port: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`.
  static func address(in entry: Span<UInt8>) -> IPAddress? {
    if entry.count > 0, entry[0] == UInt8(ascii: "[") {
      var close = 1
      while close < entry.count, entry[close] != UInt8(ascii: "]") { close += 1 }
      guard close < entry.count, close + 1 == entry.count || isPort(entry, from: close + 1) else { return nil }
      return IPAddress(entry.extracting(1..<close))
    }
    if let address = IPAddress(entry) { return address }
    var colon = entry.count
    while colon > 0, entry[colon - 1] != UInt8(ascii: ":") { colon -= 1 }
    guard colon > 0, isPort(entry, from: colon - 1), let address = IPAddress(entry.extracting(0..<(colon - 1))),
      address.isV4
    else { return nil }
    return address
  }

  /// `:` and one to five digits, to the end.
  private static func isPort(_ entry: Span<UInt8>, from start: Int) -> Bool {
    guard entry[start] == UInt8(ascii: ":"), (2...6).contains(entry.count - start) else { return false }
    for index in (start + 1)..<entry.count
    where entry[index] < UInt8(ascii: "0") || entry[index] > UInt8(ascii: "9") { return false }
    return true
  }
}
