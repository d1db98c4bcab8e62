// ConformanceCases+Codings.swift: Transfer-Encoding (RFC 9112 section 6.1), plain and in the disguises that request
// smuggling is known for: one reader sees a chunked body, another none, and the rest of it becomes a request.

extension ConformanceGroup {
  static let transferCodings = ConformanceGroup(
    name: "Transfer-Encoding",
    cases: [
      .init(
        "te01", "9112 6.1", "a chunked body is no request", "{POST}Transfer-Encoding: chunked⏎⏎{(}{HID}{)}0⏎⏎", "200"),
      .init(
        "te02", "9112 7.1", "what follows a chunked body is one", "{POST}Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}",
        "200 200", hidden: 1),
      .init(
        "te03", "9112 6.1", "a coding's case does not count", "{POST}Transfer-Encoding: cHuNKeD⏎⏎{(}{HID}{)}0⏎⏎", "200"),
      .init(
        "te04", "9110 5.1", "the name's case does not count", "{POST}tRANSFER-eNCODING: chunked⏎⏎{(}{HID}{)}0⏎⏎", "200"),
      .init("te05", "9110 5.6.3", "blanks around it", "{POST}Transfer-Encoding:\t chunked \t⏎⏎{(}{HID}{)}0⏎⏎", "200"),
      .init(
        "te06", "9112 6.3", "with a length before it (CL.TE)",
        "{POST}Content-Length: {L}⏎Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "te07", "9112 6.3", "with a length behind it (TE.CL)",
        "{POST}Transfer-Encoding: chunked⏎Content-Length: 4⏎⏎{(}{HID}{)}0⏎⏎", "400 close"),
      .init(
        "te08", "9112 6.3", "with a length of none (CL.0)",
        "{POST}Content-Length: 0⏎Transfer-Encoding: chunked⏎⏎{(}{HID}{)}0⏎⏎", "400 close"),
      .init(
        "te09", "9112 6.1", "in HTTP/1.0", "POST {own} HTTP/1.0⏎Transfer-Encoding: chunked⏎⏎{(}{HID}{)}0⏎⏎", "400 close"
      ),
      .init(
        "te10", "9112 6.1", "in HTTP/1.0 that is to be kept",
        "POST {own} HTTP/1.0⏎Connection: keep-alive⏎Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("te11", "9112 6.3", "a coding that is not chunked", "{POST}Transfer-Encoding: gzip⏎⏎{HID}", "400 close"),
      .init(
        "te12", "9112 6.1", "a coding beneath chunked that nobody here knows",
        "{POST}Transfer-Encoding: gzip, chunked⏎⏎0⏎⏎{HID}", "501 close"),
      .init(
        "te13", "9112 6.3", "chunked that is not last", "{POST}Transfer-Encoding: chunked, gzip⏎⏎0⏎⏎{HID}", "400 close"),
      .init("te14", "9112 6.1", "chunked twice", "{POST}Transfer-Encoding: chunked, chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "te15", "9112 6.1", "chunked in two lines",
        "{POST}Transfer-Encoding: chunked⏎Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("te16", "9112 7", "identity is no coding", "{POST}Transfer-Encoding: identity⏎⏎{HID}", "400 close"),
      .init(
        "te17", "9112 7", "identity before chunked", "{POST}Transfer-Encoding: identity, chunked⏎⏎0⏎⏎{HID}", "501 close"
      ),
      .init(
        "te18", "9112 6.3", "identity behind chunked, in a line of its own",
        "{POST}Transfer-Encoding: chunked⏎Transfer-Encoding: identity⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "te19", "9112 6.1", "a coding in a line of its own before chunked",
        "{POST}Transfer-Encoding: cow⏎Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "501 close"),
      .init("te20", "9112 6.1", "an empty one", "{POST}Transfer-Encoding:⏎⏎{HID}", "400 close"),
      .init("te21", "9110 10.1.4", "TE is no Transfer-Encoding", "{GET}TE: chunked⏎⏎{HID}", "200 200", hidden: 1),
      .init(
        "te22", "9110 8.4", "Content-Encoding is none either", "{GET}Content-Encoding: chunked⏎⏎{HID}", "200 200",
        hidden: 1),
      .init(
        "te23", "9110 7.6.1", "a Connection that names it takes nothing away",
        "{POST}Connection: Transfer-Encoding⏎Transfer-Encoding: chunked⏎⏎{(}{HID}{)}0⏎⏎", "200"),
      .init(
        "te24", "9110 7.6.1", "nor does one that names the length",
        "{POST}Connection: Content-Length⏎Content-Length: {L}⏎⏎{HID}", "200"),
      .init(
        "te25", "9112 6.1", "the JSON form takes a chunked body", "{JSON}Transfer-Encoding: chunked⏎⏎{(}{body}{)}0⏎⏎",
        "200", cutsBody: true),
      .init(
        "te26", "9112 6.3", "and no length beside it",
        "{JSON}Transfer-Encoding: chunked⏎Content-Length: {L}⏎⏎{(}{body}{)}0⏎⏎", "400 close", cutsBody: true),
      .init(
        "te27", "9112 6.1", "nor in HTTP/1.0",
        "POST /json/check HTTP/1.0⏎Content-Type: application/json⏎Transfer-Encoding: chunked⏎⏎{(}{body}{)}0⏎⏎",
        "400 close", cutsBody: true),
    ])

  static let hiddenCodings = ConformanceGroup(
    name: "Transfer-Encoding in disguise",
    cases: [
      .init(
        "td01", "9112 6.3", "a coding that only ends like it", "{POST}Transfer-Encoding: xchunked⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init(
        "td02", "9112 6.3", "one that only begins like it", "{POST}Transfer-Encoding: chunkedx⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td03", "9112 6.3", "one cut short", "{POST}Transfer-Encoding: chunke⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td04", "9112 5.1", "a space before the colon", "{POST}Transfer-Encoding : chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td05", "9112 5.1", "a tab before the colon, and a length",
        "{POST}Content-Length: {L}⏎Transfer-Encoding\t: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td06", "9112 5.1", "NUL before the colon", "{POST}Transfer-Encoding{x00}: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td07", "9112 5.1", "a byte above 0x7f before the colon", "{POST}Transfer-Encoding{xa0}: chunked⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init(
        "td08", "9112 5.2", "white space before the name", "{POST}A: b⏎ Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init(
        "td09", "9112 5.2", "the colon in the next line", "{POST}Transfer-Encoding⏎ : chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td10", "9112 5.2", "the value in the next line", "{POST}Transfer-Encoding:⏎ chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td11", "9112 5.2", "the value over two lines", "{POST}Transfer-Encoding: chun⏎ ked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td12", "9112 2.2", "behind LF alone", "{POST}A: b\nTransfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td13", "9112 2.2", "behind CR alone", "{POST}A: b\rTransfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td14", "9112 2.2", "behind CR twice", "{POST}A: b\r\rTransfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td15", "9112 2.2", "CR alone behind it", "{POST}Transfer-Encoding: chunked\r⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td16", "9110 5.6.3", "a vertical tab before the value", "{POST}Transfer-Encoding: {x0b}chunked⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init(
        "td17", "9110 5.6.3", "a form feed before the value", "{POST}Transfer-Encoding: {x0c}chunked⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init(
        "td18", "9110 5.6.3", "a vertical tab behind the value", "{POST}Transfer-Encoding: chunked{x0b}⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init("td19", "9110 5.5", "NUL behind the value", "{POST}Transfer-Encoding: chunked{x00}⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td20", "9110 5.6.3", "a no-break space before the value", "{POST}Transfer-Encoding: {xa0}chunked⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init(
        "td21", "9110 5.6.3", "a no-break space in UTF-8 behind it",
        "{POST}Transfer-Encoding: chunked{xc2}{xa0}⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td22", "9110 5.6.3", "a zero-width space in it", "{POST}Transfer-Encoding: chun{xe2}{x80}{x8b}ked⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init(
        "td23", "9110 5.6.2", "a letter that lower-cases to k (U+212A)",
        "{POST}Transfer-Encoding: chun{xe2}{x84}{xaa}ed⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td24", "9112 7", "quotes", "{POST}Transfer-Encoding: \"chunked\"⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td25", "9112 7", "single quotes, which are token characters", "{POST}Transfer-Encoding: 'chunked'⏎⏎0⏎⏎{HID}",
        "400 close"),
      .init("td26", "9112 7", "a parameter", "{POST}Transfer-Encoding: chunked;q=1⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td27", "9112 7", "a second word", "{POST}Transfer-Encoding: chunked identity⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td28", "9112 7", "a first word", "{POST}Transfer-Encoding: identity chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td29", "9110 5.6.1", "an empty element before it", "{POST}Transfer-Encoding: , chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td30", "9110 5.6.1", "an empty element behind it", "{POST}Transfer-Encoding: chunked,⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td31", "9110 5.6.1", "an empty line of it first",
        "{POST}Transfer-Encoding:⏎Transfer-Encoding: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td32", "9112 7", "a bracket before it", "{POST}Transfer-Encoding: [chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init("td33", "9112 7", "a colon twice", "{POST}Transfer-Encoding:: chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td34", "9110 5.1", "an underscore in the name: no coding, so a request follows, which is none",
        "{POST}Transfer_Encoding: chunked⏎⏎0⏎⏎{HID}", "200 400 close"),
      .init(
        "td35", "9110 5.1", "an underscore in the name, and a length",
        "{POST}Content-Length: {L}⏎Transfer_Encoding: chunked⏎⏎0⏎⏎{HID}", "200"),
      .init(
        "td36", "9110 5.1", "a name that only begins like it",
        "{POST}Transfer-Encoding-X: chunked⏎Content-Length: {L}⏎⏎0⏎⏎{HID}", "200"),
      .init(
        "td37", "9112 6.3", "another coding first, and a length",
        "{POST}Content-Length: {L}⏎Transfer-Encoding: x, chunked⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td38", "9112 6.3", "a coding that hides the second",
        "{POST}Transfer-Encoding: chunked⏎Transfer-encoding: x⏎⏎0⏎⏎{HID}", "400 close"),
      .init(
        "td39", "9112 6.3", "no coding at all, and a length", "{POST}Transfer-Encoding: x⏎Content-Length: {L}⏎⏎{HID}",
        "400 close"),
      .init("td40", "9112 5", "the name without a colon", "{POST}Transfer-Encoding chunked⏎⏎0⏎⏎{HID}", "400 close"),
    ])
}
