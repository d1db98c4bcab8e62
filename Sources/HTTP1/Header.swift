// Header.swift: one header line of a request, as ranges into its bytes. 12 bytes, so that the 16 000 shortest headers a
// head can hold take 200 KB and not more.

/// A header: where its name and value are, and the hash of its name.
public struct Header: Sendable, Hashable {
  /// `HeaderName.hash` of the name.
  public let nameHash: UInt32
  // 16 bits suffice: no offset in a head is above 65535.
  private let nameStart: UInt16
  private let nameCount: UInt16
  private let valueStart: UInt16
  private let valueCount: UInt16

  /// The name as sent: a token, at least one byte.
  public var name: ByteRange { ByteRange(start: Int32(nameStart), count: Int32(nameCount)) }
  /// The value without white space around it; may be empty. Holds no NUL, CR or LF.
  public var value: ByteRange { ByteRange(start: Int32(valueStart), count: Int32(valueCount)) }

  /// - Precondition: Both ranges lie in the first 65536 bytes, `HTTP1Bounds.head`.
  init(name: ByteRange, value: ByteRange, nameHash: UInt32) {
    nameStart = UInt16(name.start)
    nameCount = UInt16(name.count)
    valueStart = UInt16(value.start)
    valueCount = UInt16(value.count)
    self.nameHash = nameHash
  }
}
