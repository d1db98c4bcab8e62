// ConformanceCases+Connections.swift: Expect (RFC 9110 section 10.1.1), what becomes of a connection (RFC 9112 section
// 9), and what speaks another protocol.

extension ConformanceGroup {
  static let expectations = ConformanceGroup(
    name: "Expect",
    cases: [
      .init(
        "ex01", "9110 10.1.1", "the JSON form gets its 100",
        "{JSON}Expect: 100-continue⏎Content-Length: {L}⏎⏎{?}{body}", "100 200"),
      .init(
        "ex02", "9110 10.1.1", "in any case", "{JSON}eXPECT: 100-Continue⏎Content-Length: {L}⏎⏎{?}{body}", "100 200"),
      .init(
        "ex03", "9110 10.1.1", "before chunks too",
        "{JSON}Expect: 100-continue⏎Transfer-Encoding: chunked⏎⏎{?}{(}{body}{)}0⏎⏎", "100 200"),
      .init(
        "ex04", "9110 10.1.1", "none where the body comes along",
        "{JSON}Expect: 100-continue⏎Content-Length: {L}⏎⏎{body}", "200"),
      .init(
        "ex05", "9110 10.1.1", "none where there is no body", "{JSON}Expect: 100-continue⏎Content-Length: 0⏎⏎", "400"),
      .init(
        "ex06", "9110 10.1.1", "none in HTTP/1.0",
        "POST /json/check HTTP/1.0⏎Content-Type: application/json⏎Expect: 100-continue⏎Content-Length: {L}⏎⏎{|}{body}",
        "200 close"),
      .init(
        "ex07", "9110 10.1.1", "none for a body that is too large",
        "{JSON}Expect: 100-continue⏎Content-Length: 65537⏎⏎", "413 close"),
      .init(
        "ex08", "9112 6.3", "none for a request that is refused",
        "{JSON}Expect: 100-continue⏎Content-Length: 2⏎Transfer-Encoding: chunked⏎⏎", "400 close"),
      .init(
        "ex09", "api.md", "the gateway form ignores it", "{POST}Expect: 100-continue⏎Content-Length: {L}⏎⏎{?}{HID}",
        "200 close"),
      .init("ex10", "api.md", "without a body too", "{GET}Expect: 100-continue⏎⏎", "200"),
      .init("ex11", "9110 10.1.1", "another expectation is ignored", "{GET}Expect: the unexpected⏎⏎", "200"),
      .init(
        "ex12", "9110 10.1.1", "another expectation in the JSON form",
        "{JSON}Expect: 200-ok⏎Content-Length: {L}⏎⏎{body}", "200", cutsBody: true),
      .init(
        "ex13", "9110 15.2", "no page gets a 100", "POST /nowhere HTTP/1.1⏎Expect: 100-continue⏎Content-Length: 5⏎⏎",
        "404 close"),
    ])

  static let connections = ConformanceGroup(
    name: "connections",
    cases: [
      .init("co01", "9112 9.3.2", "two requests at once", "{GET}⏎{HID}", "200 200", hidden: 1),
      .init(
        "co02", "9112 9.3.2", "ten at once", "{10*GET /check/own/co02 HTTP/1.1⏎⏎}",
        "200 200 200 200 200 200 200 200 200 200"),
      .init(
        "co03", "9112 9.3.2", "the first of two is answered, the second malformed", "{GET}⏎{GET}A : b⏎⏎{HID}",
        "200 400 close"),
      .init(
        "co04", "9112 9.3.2", "an error that keeps the connection, between two", "{GET}⏎GET /nowhere HTTP/1.1⏎⏎{HID}",
        "200 404 200", hidden: 1),
      .init("co05", "9112 2.2", "empty lines between two", "{GET}⏎⏎⏎{HID}", "200 200", hidden: 1),
      .init("co06", "9112 9.6", "nothing follows a request that closes", "{GET}Connection: close⏎⏎{HID}", "200 close"),
      .init("co07", "9110 7.6.1", "in any case, and in a list", "{GET}Connection: te, CLOSE⏎⏎{HID}", "200 close"),
      .init(
        "co08", "9110 7.6.1", "in the second of two lines", "{GET}Connection: te⏎Connection: close⏎⏎{HID}", "200 close"),
      .init("co09", "9112 9.3", "close before keep-alive", "{GET}Connection: close, keep-alive⏎⏎{HID}", "200 close"),
      .init("co10", "9112 9.3", "close behind keep-alive", "{GET}Connection: keep-alive, close⏎⏎{HID}", "200 close"),
      .init(
        "co11", "9110 7.6.1", "a word that only begins like close", "{GET}Connection: closed⏎⏎{HID}", "200 200",
        hidden: 1),
      .init("co12", "9110 7.6.1", "an empty one", "{GET}Connection:⏎⏎{HID}", "200 200", hidden: 1),
      .init(
        "co13", "9112 9.3", "Proxy-Connection is no Connection", "{GET}Proxy-Connection: close⏎⏎{HID}", "200 200",
        hidden: 1),
      .init(
        "co14", "9112 9.3", "Keep-Alive is none either", "{GET}Keep-Alive: timeout=0, max=0⏎⏎{HID}", "200 200",
        hidden: 1),
      .init("co15", "9112 9.3", "HTTP/1.0 closes", "GET {own} HTTP/1.0⏎⏎{HID}", "200 close"),
      .init(
        "co16", "9112 9.3", "HTTP/1.0 is kept where it asks for it", "GET {own} HTTP/1.0⏎Connection: Keep-Alive⏎⏎{HID}",
        "200 200", hidden: 1),
      .init(
        "co17", "9112 9.3", "and closes where it says both", "GET {own} HTTP/1.0⏎Connection: keep-alive, close⏎⏎{HID}",
        "200 close"),
      .init(
        "co18", "9112 9.6", "a client that ends its sending is answered", "{GET}⏎{HID}", "200 200 close", hidden: 1,
        finishes: true),
      .init("co19", "9112 8", "one that ends in a head is told so", "{GET}⏎{GET}", "200 400 close", finishes: true),
      .init("co20", "9112 8", "one that ends in a method", "GE", "400 close", finishes: true),
      .init("co21", "9112 8", "one that ends in an empty line", "{GET}⏎\r", "200 400 close", finishes: true),
      .init("co22", "9112 9.6", "one that says nothing is closed without a word", "{|}", "close", finishes: true),
      .init(
        "co23", "api.md", "a body that was refused is no request", "{JSON}Content-Length: 70000⏎⏎{HID}{?}{HID}",
        "413 close"),
      .init(
        "co24", "api.md", "an error in a body's content keeps the connection", "{JSON}Content-Length: 1⏎⏎{x7b}{HID}",
        "400 200", hidden: 1, cutsBody: true),
      .init(
        "co25", "9112 9.3.2", "both forms in turn", "{GET}⏎{JSON}Content-Length: 37⏎⏎{body}{HID}", "200 200 200",
        hidden: 1, cutsBody: true),
      .init("co26", "9112 9.6", "nothing follows a malformed request", "{GET}A : b⏎⏎{?}{HID}", "400 close"),
    ])

  static let otherProtocols = ConformanceGroup(
    name: "other protocols",
    cases: [
      .init(
        "up01", "9110 7.8", "an upgrade to HTTP/2 is ignored",
        "{GET}Connection: Upgrade, HTTP2-Settings⏎Upgrade: h2c⏎HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA⏎⏎{HID}",
        "200 200", hidden: 1),
      .init(
        "up02", "9110 7.8", "so is one to WebSocket",
        "{GET}Connection: Upgrade⏎Upgrade: websocket⏎Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==⏎Sec-WebSocket-Version: 13⏎⏎",
        "200"),
      .init(
        "up03", "9110 7.8", "so is one to TLS, with a body",
        "{POST}Connection: Upgrade⏎Upgrade: TLS/1.2⏎Content-Length: {L}⏎⏎{HID}", "200"),
      .init(
        "up04", "9113 3.4", "the preface of HTTP/2", "PRI * HTTP/2.0⏎⏎SM⏎⏎{x00}{x00}{x00}{x04}{x00}", "505 close",
        own: 0),
      .init("up05", "8446 4.1.2", "a TLS hello", "{x16}{x03}{x01}{x02}{x00}{x01}{x00}{x01}", "400 close"),
      .init("up06", "4253 4.2", "an SSH banner", "SSH-2.0-x⏎", "400 close"),
      .init("up07", "1928 3", "a SOCKS greeting", "{x05}{x01}{x00}", "400 close"),
      .init("up08", "5321 4.1.1", "SMTP", "EHLO example.com⏎", "400 close"),
      .init(
        "up09", "9112 3", "the PROXY protocol, version 1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2⏎{GET}⏎", "400 close"),
      .init("up10", "9112 3", "the PROXY protocol, version 2", "⏎⏎{x00}⏎QUIT\n{x21}{x11}{x00}{x0c}{GET}⏎", "400 close"),
      .init("up11", "9112 3", "a Redis command", "*1⏎$4⏎PING⏎", "400 close"),
      .init(
        "up12", "9110 9.3.6", "a tunnel is not opened", "CONNECT 127.0.0.1:22 HTTP/1.1⏎⏎{HID}", "404 200", hidden: 1),
      .init(
        "up13", "9110 9.3.8", "TRACE is a check, and sends nothing back", "TRACE {own} HTTP/1.1⏎A: secret⏎⏎", "200"),
    ])
}
