// Sanitizer.swift: what cannot be asked of a weir that is built with a sanitizer.

import Foundation

/// The sanitizer that the weir under test is built with, if any: `scripts/test --sanitize`. Its memory and its
/// allocations are the sanitizer's, and say nothing of weir's.
public enum Sanitizer {
  public static let ofWeir = ProcessInfo.processInfo.environment["WEIR_SANITIZER"]
  public static var hidesMemory: Bool { ofWeir != nil }
  public static let reason = "weir is built with a sanitizer, whose own memory is many times what is measured here"
}
