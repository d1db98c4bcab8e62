// XCTMain.swift: the entry of the tests. SwiftPM takes a file of this name; without one it looks for XCTest's tests, of
// which there are none, in an index that costs a fifth of the build.

import Testing

@main struct Entry {
  static func main() async {
    await Testing.__swiftPMEntryPoint() as Never
  }
}
