// HTTP1Fuzz.swift: any bytes at all to the request parser, the chunked decoder and the JSON quoting, under libFuzzer
// and AddressSanitizer.
//
// The first byte chooses how the rest is cut into pieces, the rest is the input of each; from `HTTP1Fuzz.stretching` on it
// also makes that long enough for the bounds on sizes, which no input of libFuzzer's reaches. What must hold: pieces give
// what the whole gives, errors with their offsets included; ranges lie where they should; and the slow references,
// which the unit tests use too, read the same heads and bodies, and none where the parser refuses or wants more. Which
// of these two is right they do not say, nor which error. A violation stops the process, and libFuzzer keeps the input.
//
@testable import HTTP1

/// libFuzzer's entry: called for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: libFuzzer lends `count` bytes for the length of this call.
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  guard let seed = bytes.first else { return 0 }
  let rest = Array(bytes.dropFirst())
  let input = seed < HTTP1Fuzz.stretching ? rest : HTTP1Fuzz.stretched(rest)
  let cuts = HTTP1Fuzz.cuts(seed, in: input.count)
  HTTP1Fuzz.checkHead(input, cuts)
  HTTP1Fuzz.checkBody(input, cuts)
  HTTP1Fuzz.checkQuoting(input)
  return 0
}

enum HTTP1Fuzz {
  /// First bytes from which on an input is stretched: one in sixteen, since long inputs are slow.
  static let stretching: UInt8 = 0xf0

  /// The input with 4094 of each `~`, which may stand in targets, names, values and extensions. Four of them and eight
  /// bytes are the longest target, sixteen and a short request line nearly the longest head. Ends soon behind the bounds.
  static func stretched(_ input: [UInt8]) -> [UInt8] {
    let most = HTTP1Bounds.head + 2 * HTTP1Bounds.chunkLine
    var long: [UInt8] = []
    for byte in input where long.count < most {
      long += [UInt8](repeating: byte, count: byte == UInt8(ascii: "~") ? 4_094 : 1)
    }
    return Array(long.prefix(most))
  }

  /// 0: none. 1: every byte. Else up to eight places that depend on the seed alone.
  static func cuts(_ seed: UInt8, in count: Int) -> [Int] {
    if seed == 0 { return [] }
    if seed == 1 { return Array(0..<count) }
    var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15
    return (0..<Int(seed & 7) + 1).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(count + 1))
    }.sorted()
  }

  // MARK: Heads

  static func checkHead(_ input: [UInt8], _ cuts: [Int]) {
    let whole = HeadOutcome(input)
    require(whole == HeadOutcome(input, cuts: cuts), "pieces give another head")
    let reference = ReferenceHead(reading: input)
    switch whole {
    case .needMore:
      require(reference == nil, "a complete head was taken for a beginning")
      require(input.count < HTTP1Bounds.head, "more is wanted than a head may have")
    case .failed(let error):
      require(reference == nil, "a proper head was refused")
      require((0...input.count).contains(error.offset), "an error outside the input")
      require([400, 414, 431, 501, 505].contains(error.status), "an unknown status")
      // What was refused is refused for what was read until then: more bytes change nothing.
      require(HeadOutcome(input + [13, 10, 13, 10]) == whole, "more bytes change an error")
    case .head(let head, let headers):
      require(head == reference, "the slow reference reads another head")
      checkHeaders(headers, head, input)
      require(HeadOutcome(Array(input.prefix(head.count))) == whole, "bytes behind the head change it")
    }
  }

  /// Ranges in order, within the head, and only what may stand in them.
  private static func checkHeaders(_ headers: [Header], _ head: ReferenceHead, _ input: [UInt8]) {
    require(head.count <= min(input.count, HTTP1Bounds.head), "a head longer than its bytes")
    var end = 0
    for header in headers {
      require(header.name.lowerBound >= end && header.name.count > 0, "a name out of place")
      require(header.value.lowerBound > header.name.upperBound, "a value before its colon")
      end = header.value.upperBound
      let name = Array(input[header.name.range])
      require(header.nameHash == HeaderName.hash(of: name.span), "a wrong hash")
      require(!input[header.value.range].contains { $0 == 0 || $0 == 10 || $0 == 13 }, "a line end in a value")
    }
    require(end + 4 <= head.count, "a header outside the head")
  }

  // MARK: Bodies

  static func checkBody(_ input: [UInt8], _ cuts: [Int]) {
    let whole = BodyOutcome(input)
    require(whole == BodyOutcome(input, cuts: cuts), "pieces give another body")
    switch (whole, ReferenceChunked(input)) {
    case (.end(let data, let count), .complete(let expected, let expectedCount)):
      require(data == expected && count == expectedCount, "the slow reference reads another body")
    case (.needMore(let data), .other), (.failed(_, let data), .other):
      require(data.count <= input.count, "more data than bytes")
    default: require(false, "the slow reference disagrees about a body")
    }
  }

  // MARK: Quoting

  static func checkQuoting(_ input: [UInt8]) {
    var buffer = ResponseBuffer()
    buffer.append(jsonString: input.span)
    let text = buffer.withBytes { bytes in (0..<bytes.count).map { bytes[$0] } }
    require(String(validating: text, as: UTF8.self) != nil, "quoted text that is no UTF-8")
    let inner = text.dropFirst().dropLast()
    require(text.first == 0x22 && text.last == 0x22 && !inner.contains { $0 < 0x20 }, "a broken quoted string")
    var isEscaped = false
    for byte in inner {
      require(isEscaped || byte != 0x22, "a quote that ends the string early")
      isEscaped = !isEscaped && byte == 0x5c
    }
    require(!isEscaped, "an escaped last quote")
    // Outside the escapes, the text is Swift's own repair of the input.
    let plain = String(decoding: input, as: UTF8.self).utf8.filter { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c }
    require(unescaped(inner) == plain, "quoted text that is another")
  }

  /// The bytes of a quoted string that no escape stands for.
  private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var plain: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == 0x5c {
        index += text[index + 1] == UInt8(ascii: "u") ? 6 : 2
      } else {
        plain.append(text[index])
        index += 1
      }
    }
    return plain
  }

  private static func require(_ holds: Bool, _ broken: StaticString) {
    if !holds { fatalError("\(broken)") }
  }
}
