// IPNetwork+Text.swift: networks as people write them.

extension IPNetwork {
  /// `192.0.2.0/24`; a single address without its prefix. `IPNetwork(_:)` reads it back.
  public var text: String { prefix == (address.isV4 ? 32 : 128) ? "\(address)" : "\(address)/\(prefix)" }
}
