// HomePage.swift: the page for people, and what a browser may do with it.
//
// The page is one file with one style and one script. The policy that goes with it lets exactly these run, by their
// hashes, lets the script ask this listener and nobody else, and forbids to make HTML of text (Trusted Types): what
// clients put into a key cannot become a program in an operator's browser.

enum HomePage {
  static let type: StaticString = "text/html; charset=utf-8"

  /// The hashes are those of `Resources/index.html`; a test compares them.
  static let headers: StaticString = """
    Content-Security-Policy: default-src 'none'; \
    script-src 'sha256-vP3gbmDxsIUxjf2kuj47hp+u4CNaNVJZigt1sZ0e3cg='; \
    style-src 'sha256-ZN8mQcVLxVnAA4gK6adLR8dSTV+LP6pro8iDPZCx6U8='; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'\r
    X-Content-Type-Options: nosniff\r
    Referrer-Policy: no-referrer\r
    Cross-Origin-Opener-Policy: same-origin\r

    """

  static var text: String { String(decoding: PackageResources.index_html, as: UTF8.self) }
}
