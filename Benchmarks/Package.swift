// swift-tools-version: 6.2
// Package.swift: measuring programs, apart from the package that they measure so that a user of weir builds none of
// them. The rooms under measurement are links to the real ones: SwiftPM lends a package's products and not its rooms.

import PackageDescription

let package = Package(
  name: "weir-benchmarks",
  targets: [
    .target(name: "Limiting", swiftSettings: rooms),
    .target(name: "Policies", dependencies: ["Limiting"], swiftSettings: rooms),
    .target(name: "Stores", dependencies: ["Limiting", "Policies"], swiftSettings: rooms),
    .target(name: "Telemetry", swiftSettings: rooms),
    .systemLibrary(name: "CEpoll"),
    .executableTarget(
      name: "bench", dependencies: ["CEpoll", "Limiting", "Policies", "Stores", "Telemetry"], swiftSettings: rooms),
  ],
  swiftLanguageModes: [.v6]
)

/// The settings that change what the rooms' code means; those that only forbid are the parent package's business.
var rooms: [SwiftSetting] {
  [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(),
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
  ]
}
