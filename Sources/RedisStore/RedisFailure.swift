// RedisFailure.swift: the ways in which Redis does not answer, as metrics and logs name them.

/// Why a call to Redis, or a connection, failed.
public enum RedisFailure: String, Sendable, CaseIterable {
  /// No reply in time.
  case timeout
  /// The connection could not be made, or ended.
  case disconnected
  /// Name resolution failed.
  case resolve
  /// The TLS handshake failed, or the certificate was not accepted.
  case tls
  /// WRONGPASS, NOAUTH, or AUTH was refused.
  case auth
  /// NOPERM: the user may not run a command that weir needs.
  case permission
  /// READONLY: it is a replica, for example after a failover.
  case readOnly = "read_only"
  /// LOADING: it reads its data.
  case loading
  /// OOM: its memory is full and it may not evict.
  case outOfMemory = "out_of_memory"
  /// BUSY: another script runs too long.
  case busy
  /// MOVED, ASK, CLUSTERDOWN or CROSSSLOT: it is a node of a cluster.
  case cluster
  /// MISCONF, MASTERDOWN, NOREPLICAS or another error reply.
  case other
  /// Redis was not asked, since the checks that wait for it hold all the memory that they may.
  case overload
  /// Bytes that are no reply, or one that fits no call.
  case protocolError = "protocol"
}
