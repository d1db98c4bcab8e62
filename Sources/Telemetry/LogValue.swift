// LogValue.swift: what a field of a log line can hold.

/// The value of one field of an event.
public enum LogValue: Sendable, Equatable {
  /// Any text; control characters come out escaped, and what is longer than 4096 bytes of UTF-8 is cut.
  case string(String)
  case integer(Int64)
  case boolean(Bool)
  /// Texts; beyond 256 of them only their number is shown.
  case list([String])
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  public init(stringLiteral value: String) { self = .string(value) }
}

extension LogValue: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int64) { self = .integer(value) }
}

extension LogValue: ExpressibleByBooleanLiteral {
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension LogValue: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: String...) { self = .list(elements) }
}
