import Policies
struct HoldCall: ~Copyable { mutating func append(_ t: Ticket) {}; mutating func write(to b: inout [UInt8]) {} }
struct SettleCall: ~Copyable { mutating func append(_ t: Ticket) {}; mutating func write(to b: inout [UInt8]) {} }
enum SettleReply { static func decode(_ b: Span<UInt8>, into t: [Ticket]) throws(ChargeReply.Malformed) {} }
extension ChargeReply { var countsHolds: [Bool] { [] } }
extension Script { static let hold = charge; static let settle = charge }
extension KeyNames { static func removal(_ i: CounterIdentity, _ d: KeyDigest) -> (key: [UInt8], command: [UInt8]) { ([], []) } }
