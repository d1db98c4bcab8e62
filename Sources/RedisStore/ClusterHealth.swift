// ClusterHealth.swift: what a node thinks of its cluster, out of CLUSTER INFO: `name:value` lines, of which four count.

/// How far a node's map may be believed.
struct ClusterHealth: Equatable, Sendable {
  /// Whether the node serves its slots: it reaches the majority of masters.
  var isOK = false
  /// The newest epoch that it has heard of: it rises with every failover and every slot that changes its owner. A node
  /// that has heard of an older one than others have an older map.
  var epoch: UInt64 = 0
  /// Slots whose masters do not answer it: there is a failover to come.
  var slotsInTrouble: UInt64 = 0

  init(isOK: Bool = false, epoch: UInt64 = 0, slotsInTrouble: UInt64 = 0) {
    self.isOK = isOK
    self.epoch = epoch
    self.slotsInTrouble = slotsInTrouble
  }

  /// Reads a reply to CLUSTER INFO.
  ///
  /// - Returns: nil where it tells no state. Numbers that it does not tell are 0.
  init?(_ reply: Span<UInt8>) {
    let text = unsafe reply.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    var hasState = false
    for line in text.split(whereSeparator: \.isNewline) {
      let pair = line.split(separator: ":", maxSplits: 1)
      guard pair.count == 2 else { continue }
      switch pair[0] {
      case "cluster_state": (hasState, isOK) = (true, pair[1] == "ok")
      case "cluster_current_epoch": epoch = UInt64(pair[1]) ?? 0
      case "cluster_slots_pfail", "cluster_slots_fail":
        slotsInTrouble += min(UInt64(pair[1]) ?? 0, UInt64(HashSlot.count))
      default: break
      }
    }
    if !hasState { return nil }
  }
}
