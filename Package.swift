// swift-tools-version: 6.2
// Package.swift: one target a room. ARCHITECTURE.md says what each room is for and which imports it may have; the
// dependencies below are that table, and `scripts/test` checks that no room imports more than it declares.

import PackageDescription

/// The same strict settings for every room: Swift 6 concurrency, no unmarked unsafe code, no warnings.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),  // `any P` is written out, so that a dynamic call can be seen
  .enableUpcomingFeature("InternalImportsByDefault"),  // a room's imports stay out of its interface unless it says so
  .enableUpcomingFeature("MemberImportVisibility"),  // a file names what it uses
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Rooms use neither regular expressions nor tasks; importing their modules unasked would link them into the binary.
let lean: [SwiftSetting] = [
  .unsafeFlags([
    "-Xfrontend", "-disable-implicit-string-processing-module-import",
    "-Xfrontend", "-disable-implicit-concurrency-module-import",
  ])
]

/// Dynamic exclusivity checks cost a release build 2 % of a check. Debug builds, and so all unit tests, keep them.
let fast: [SwiftSetting] = [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// What C the compiler takes from headers (the few inline functions of the C rooms) has a stack protector, as Swift's own
/// functions have without being asked. Not -D_FORTIFY_SOURCE: it gives functions of the C library bodies that differ from
/// module to module, which the compiler refuses; and the inline functions call nothing that it would guard.
let guarded: [SwiftSetting] = [
  .unsafeFlags(["-Xcc", "-fstack-protector-strong"], .when(platforms: [.linux], configuration: .release))
]

/// Addresses are resolved at the start and read-only from then on; no stack is code, and constants lie outside the code.
/// scripts/check-binary reads it back.
let sealed: [LinkerSetting] = [
  .unsafeFlags(
    ["-z", "relro", "-z", "now", "-z", "noexecstack", "--rosegment"].flatMap { ["-Xlinker", $0] },
    .when(platforms: [.linux], configuration: .release))
]

func room(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict + lean + fast + guarded)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

/// WEIR_TESTS=A,B: build these test targets only, for a build that is to be short. Unset or empty: all.
let chosenTests = (Context.environment["WEIR_TESTS"] ?? "").split(separator: ",").map(String.init)

let package = Package(
  name: "weir",
  products: [.executable(name: "weir", targets: ["weir"])],
  targets: [
    // C libraries: a module map and a header each, no logic.
    .systemLibrary(name: "CUV"),
    .systemLibrary(name: "CHiredis"),
    .systemLibrary(name: "CYAML"),
    .systemLibrary(name: "CJansson"),
    .systemLibrary(name: "COpenSSL"),

    // Rooms that decide: no system call, no clock, no global.
    room("Limiting"),
    room("Policies", ["Limiting"]),
    room("HTTP1"),
    room("CheckAPI", ["HTTP1", "Policies", "Limiting", "CJansson"]),
    room("Telemetry"),

    // Rooms that act.
    room("PolicyFiles", ["Policies", "Limiting", "CYAML", "COpenSSL"]),
    room("Stores", ["Limiting", "Policies"]),
    room("EventLoop", ["CUV"]),
    room(
      "RedisStore", ["Stores", "Limiting", "Policies", "EventLoop", "CHiredis", "COpenSSL"],
      resources: [.embedInCode("Scripts")]),
    room(
      "Sidecar",
      [
        "Limiting", "Policies", "PolicyFiles", "HTTP1", "CheckAPI", "Stores", "Telemetry", "EventLoop", "RedisStore",
      ],
      resources: [.embedInCode("Resources")]),
    .executableTarget(
      name: "weir", dependencies: ["Sidecar", "PolicyFiles"], swiftSettings: strict + lean + fast + guarded,
      linkerSettings: sealed),

    // Tests: a target a room. TestKit holds what several of them need.
    .target(
      name: "TestKit", dependencies: ["Limiting", "Policies", "Stores", "EventLoop"], path: "Tests/TestKit",
      swiftSettings: strict),
    tests("TestKitTests", ["TestKit"]),
    tests("LimitingTests", ["Limiting", "TestKit"]),
    tests("PoliciesTests", ["Policies", "Limiting", "TestKit"]),
    tests("PolicyFilesTests", ["PolicyFiles", "Policies", "Limiting", "TestKit"]),
    tests("HTTP1Tests", ["HTTP1", "TestKit"]),
    tests("CheckAPITests", ["CheckAPI", "HTTP1", "Policies", "Limiting", "TestKit"]),
    tests("StoresTests", ["Stores", "Limiting", "Policies", "TestKit"]),
    tests("RedisStoreTests", ["RedisStore", "Stores", "Limiting", "Policies", "EventLoop", "TestKit"]),
    // It visits millions of states: optimised in a debug build too.
    .testTarget(
      name: "RedisStoreModelTests", dependencies: ["RedisStore"], swiftSettings: strict + [.unsafeFlags(["-O"])]),
    tests("TelemetryTests", ["Telemetry", "TestKit"]),
    tests("EventLoopTests", ["EventLoop", "TestKit"]),
    tests(
      "SidecarTests",
      [
        "Sidecar", "Limiting", "Policies", "PolicyFiles", "HTTP1", "CheckAPI", "Stores", "RedisStore", "Telemetry",
        "EventLoop", "TestKit",
      ]),
    tests("EndToEndTests", ["TestKit"]),
    // Its ledger looks at every interval between any two admissions: optimised in a debug build too.
    .testTarget(name: "ChaosTests", dependencies: ["TestKit"], swiftSettings: strict + [.unsafeFlags(["-O"])]),
    // The corpora of the fuzz targets, by the targets' own rules; scripts/fuzz builds the same sources with an engine.
    .testTarget(
      name: "FuzzTests",
      dependencies: ["Limiting", "Policies", "PolicyFiles", "HTTP1", "CheckAPI", "RedisStore"], path: "Fuzz",
      exclude: ["http1"]
        + ["json-check", "forwarded", "policy-files", "redis-replies", "slot-map"].flatMap { target in
          ["Entry.swift", "corpus", "words.dict"].map { "\(target)/\($0)" }
        }, swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
if !chosenTests.isEmpty {
  package.targets.removeAll { $0.type == .test && !chosenTests.contains($0.name) }
}
