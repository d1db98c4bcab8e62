// PolicyName.swift: the form of policy and domain names.

/// Names of policies and domains: `[a-z0-9]` then `[a-z0-9._-]`, at most 64 bytes.
public enum PolicyName {
  public static let maximumLength = 64
  public static let defaultDomain = "default"

  public static func isValid(_ text: some Collection<UInt8>) -> Bool {
    guard let first = text.first, text.count <= maximumLength, isAlphanumeric(first) else { return false }
    return text.allSatisfy {
      isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")) || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
  }
}
