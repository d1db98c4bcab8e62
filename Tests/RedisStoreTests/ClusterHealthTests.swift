// ClusterHealthTests.swift: what CLUSTER INFO says of how far a node may be believed.

import Testing

@testable import RedisStore

@Suite struct ClusterHealthTests {
  private static func read(_ text: String) -> ClusterHealth? { ClusterHealth(Array(text.utf8).span) }

  @Test("state, epoch and slots in trouble are read out of what Redis 7.0 says")
  func known() {
    let text = """
      cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:10922\r\ncluster_slots_pfail:2\r
      cluster_slots_fail:5460\r\ncluster_known_nodes:6\r\ncluster_size:3\r\ncluster_current_epoch:7\r
      cluster_my_epoch:2\r\ncluster_stats_messages_sent:1483972\r\n
      """
    #expect(Self.read(text) == ClusterHealth(isOK: true, epoch: 7, slotsInTrouble: 5462))
    #expect(Self.read(text.replacing("\r", with: "")) == Self.read(text))
  }

  @Test("a node that is not ok says so; any state but ok is none")
  func states() {
    #expect(Self.read("cluster_state:fail\r\n") == ClusterHealth())
    #expect(Self.read("cluster_state:okay")?.isOK == false)
    #expect(Self.read("cluster_state:ok")?.isOK == true)
  }

  @Test("without a state it is no reply", arguments: ["", "\r\n", "cluster_state", "cluster_current_epoch:7", "x:ok"])
  func noState(text: String) { #expect(Self.read(text) == nil) }

  @Test("numbers that are none, or too large, are not believed")
  func numbers() {
    let read = Self.read("cluster_state:ok\ncluster_current_epoch:-3\ncluster_slots_fail:18446744073709551615\n")
    #expect(read == ClusterHealth(isOK: true, epoch: 0, slotsInTrouble: 16384))
    #expect(Self.read("cluster_state:ok\ncluster_current_epoch:99999999999999999999")?.epoch == 0)
    #expect(ClusterHealth([0xff, 0x0a, 0x3a].span) == nil)
  }
}
