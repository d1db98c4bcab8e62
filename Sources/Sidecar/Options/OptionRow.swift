// OptionRow.swift: one option of a command, described once: parsing, help and the reference are made from it.

/// One flag with its variable, its help and what it sets in `Options`.
struct OptionRow<Options>: Sendable {
  /// With its two hyphens.
  let flag: String
  /// What stands for the value in help; nil for a switch, which takes none (though `--flag=on|off` is understood).
  let value: String?
  /// Whether an environment variable says the same: `WEIR_` and the flag's name.
  let hasVariable: Bool
  /// May be given several times; its variable holds several values with commas between them.
  let isRepeatable: Bool
  /// The default as help shows it.
  let defaultText: String
  /// A sentence or two without the last full stop.
  let help: String
  /// Sets the option from its text; called once, with all texts of a repeatable one.
  let apply: @Sendable (inout Options, [String]) throws -> Void

  /// The variable's name, for a row that has one.
  var variable: String? {
    guard hasVariable else { return nil }
    return "WEIR_" + flag.dropFirst(2).uppercased().map { $0 == "-" ? "_" : $0 }
  }

  /// An option with one value.
  static func one(
    _ flag: String, _ value: String, default defaultText: String, variable: Bool = true, _ help: String,
    _ apply: @escaping @Sendable (inout Options, String) throws(Misfit) -> Void
  ) -> OptionRow {
    OptionRow(
      flag: flag, value: value, hasVariable: variable, isRepeatable: false, defaultText: defaultText, help: help
    ) { options, texts in try apply(&options, texts[0]) }
  }

  /// An option that may be given several times.
  static func many(
    _ flag: String, _ value: String, default defaultText: String, variable: Bool = true, _ help: String,
    _ apply: @escaping @Sendable (inout Options, [String]) throws(Misfit) -> Void
  ) -> OptionRow {
    OptionRow(
      flag: flag, value: value, hasVariable: variable, isRepeatable: true, defaultText: defaultText, help: help
    ) { options, texts in try apply(&options, texts) }
  }

  /// An option that is on where its flag stands.
  static func toggle(
    _ flag: String, _ help: String, _ apply: @escaping @Sendable (inout Options, Bool) -> Void
  ) -> OptionRow {
    OptionRow(
      flag: flag, value: nil, hasVariable: true, isRepeatable: false, defaultText: "off", help: help
    ) { options, texts in apply(&options, try OptionValue.onOff(texts[0])) }
  }
}

/// Options that help shows under one heading.
struct OptionGroup<Options>: Sendable {
  let title: String
  let rows: [OptionRow<Options>]
}
