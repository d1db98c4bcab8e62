// RedisArgument.swift: the arguments of a command as Redis reads them (RESP: "$", length, line's end, bytes, line's end),
// appended to a buffer that is used again. For the calls of the checks: hiredis' formatter allocates the whole command
// anew and copies it twice. RedisCommand has it for all others.

enum RedisArgument {
  /// The head of a command of so many arguments.
  static func command(arguments: Int, in bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "*"))
    append(decimal: arguments, to: &bytes)
    end(in: &bytes)
  }

  /// What stands before an argument of `count` bytes.
  static func begin(count: Int, in bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "$"))
    append(decimal: count, to: &bytes)
    end(in: &bytes)
  }

  static func end(in bytes: inout [UInt8]) {
    bytes.append(0x0d)
    bytes.append(0x0a)
  }

  static func append(_ argument: [UInt8], to bytes: inout [UInt8]) {
    begin(count: argument.count, in: &bytes)
    bytes.append(contentsOf: argument)
    end(in: &bytes)
  }

  /// Appends a number that is not negative as an argument of its own.
  static func append(number: Int, to bytes: inout [UInt8]) {
    var digits = 1
    var rest = number / 10
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    begin(count: digits, in: &bytes)
    append(decimal: number, to: &bytes)
    end(in: &bytes)
  }

  private static func append(decimal number: Int, to bytes: inout [UInt8]) {
    var unit = 1
    while number / unit >= 10 { unit *= 10 }
    while unit > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / unit % 10))
      unit /= 10
    }
  }
}

extension [UInt8] {
  mutating func append(_ text: StaticString) {
    unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends the last `count` bytes of `value`, the most significant first.
  mutating func append(bigEndian value: UInt64, count: Int) {
    var shift = UInt64(8 * (count - 1))
    for _ in 0..<count {
      append(UInt8(truncatingIfNeeded: value >> shift))
      shift = shift >= 8 ? shift - 8 : 0
    }
  }
}
