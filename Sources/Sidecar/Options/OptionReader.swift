// OptionReader.swift: arguments and environment to options, by the rows of a command's table.
//
// `--flag value` and `--flag=value` are the same; `--` ends the flags. A flag wins over its variable, whose value is
// then not even looked at. An empty variable counts as unset, since that is how templates write "nothing". Variables
// that no row has are left alone: Kubernetes sets WEIR_SERVICE_HOST and the like for a service named weir.

/// Reads the options of one command.
struct OptionReader<Options> {
  /// The command's name, for messages.
  let command: String
  let rows: [OptionRow<Options>]

  /// Sets in `options` whatever was given.
  ///
  /// - Returns: The arguments that are no flags and no values of flags.
  func read(_ arguments: [String], _ environment: [String: String], into options: inout Options)
    throws(UsageError) -> [String]
  {
    var (given, operands) = try split(arguments)
    for row in rows {
      if let texts = given.removeValue(forKey: row.flag) {
        try set(row, texts, source: row.flag, in: &options)
      } else if let variable = row.variable, let text = environment[variable], !text.isEmpty {
        try set(row, row.isRepeatable ? OptionValue.list(text) : [text], source: variable, in: &options)
      }
    }
    return operands
  }

  private func set(_ row: OptionRow<Options>, _ texts: [String], source: String, in options: inout Options)
    throws(UsageError)
  {
    do {
      try row.apply(&options, texts)
    } catch let misfit as Misfit {
      throw .wrongValue(source, misfit)
    } catch {
      preconditionFailure("a reader of values throws what was expected")
    }
  }

  private func split(_ arguments: [String]) throws(UsageError) -> (given: [String: [String]], operands: [String]) {
    var given: [String: [String]] = [:]
    var operands: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        operands += rest
        break
      }
      guard argument.hasPrefix("-"), argument != "-" else {
        operands.append(argument)
        continue
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let row = rows.first(where: { $0.flag == parts[0] }) else {
        throw .unknownFlag(parts[0], of: command, flags: rows.map(\.flag))
      }
      guard row.isRepeatable || given[row.flag] == nil else {
        throw UsageError("\(row.flag) is given twice: expected once")
      }
      let inline = parts.count > 1 ? parts[1] : nil
      given[row.flag, default: []].append(try value(of: row, inline, &rest))
    }
    return (given, operands)
  }

  /// The value after `=`, else the next argument, unless that is a flag itself.
  private func value(of row: OptionRow<Options>, _ inline: String?, _ rest: inout ArraySlice<String>)
    throws(UsageError) -> String
  {
    if let inline { return inline }
    guard let placeholder = row.value else { return "on" }
    guard let next = rest.first, !next.hasPrefix("--") else {
      throw UsageError("\(row.flag) has no value: expected \(row.flag) \(placeholder)")
    }
    rest.removeFirst()
    return next
  }
}
