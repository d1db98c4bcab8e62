// HelpText.swift: the pages of `weir help`, and the table of options for the README, all from the tables that parse.
// Pages are at most 80 columns wide, and the first fits on a screen of 24 lines.

/// The texts of help.
public enum HelpText {
  private static let width = 80

  /// `weir help`.
  public static let overview = """
    weir \(Version.text): a rate limiter for one pod or for many, asked over HTTP

    usage: weir COMMAND [--flag VALUE | --flag=VALUE]...

      serve      answer checks until SIGTERM; SIGHUP reads the policies again
      validate   say what is wrong with policy files, or list the policies
      explain    say which policies a check meets, and why the others do not apply
      health     ask a running weir whether it is healthy
      version    print the version
      help       print this page, or the page of one command: weir help serve

    A first try:

      weir serve --policies policies
      curl -i localhost:7429/check/hello

    Options of serve have an environment variable each: WEIR_ and the flag's
    name, so that --max-keys is WEIR_MAX_KEYS. A flag wins over its variable.

    exit codes: 0 done, 1 failed, 64 wrong usage, 65 wrong policies

    """

  /// `weir help COMMAND`.
  static func page(of command: Command.Name) -> String {
    switch command {
    case .serve:
      """
      usage: weir serve [--flag VALUE | --flag=VALUE]...

      Answers checks until SIGTERM or SIGINT; SIGHUP reads the policies again.

      """ + options(ServeOptions.table)
    case .validate:
      """
      usage: weir validate [PATH] [--format text|json] [--redis URL]

      Reads a policy file, or a directory of them, and says what is wrong or lists
      the policies. Exit code 0: valid, perhaps with warnings; 65: wrong policies;
      1: PATH cannot be read. With the URL of a Redis cluster, notes say which
      policies a check meets in two steps. Nothing connects.

      """ + options(ValidateOptions.table)
    case .explain:
      """
      usage: weir explain --policies PATH [--path TARGET] [--header 'NAME: VALUE']...

      Says of every policy of the check's domain whether it applies: which condition
      failed, or which key and numbers it gives; and which policy binds. No server is
      asked: every counter is taken as unused, and the options of serve that are not
      below as their defaults: trusted proxies, the names of the gateway's headers, no
      --shadow. Exit code 65: wrong policies; 1: PATH cannot be read.

      """ + options(ExplainOptions.table)
    case .health:
      """
      usage: weir health [--address ADDR]

      Asks a running weir for GET /healthz, within 2 seconds. Exit code 0: healthy;
      1: not healthy or not there, with the reason on stderr.

      """ + options(HealthOptions.table)
    case .version:
      """
      usage: weir version

      Prints the version.

      """
    case .help: overview
    }
  }

  private static func options<Options>(_ table: [OptionGroup<Options>]) -> String {
    var text = ""
    for group in table {
      text += "\n\(group.title):\n"
      for row in group.rows {
        let flag = row.value.map { "\(row.flag) \($0)" } ?? row.flag
        text += padded("  " + flag, 34) + (row.variable ?? "")
        while text.hasSuffix(" ") { text.removeLast() }
        text += "\n" + wrapped("\(row.help) (default: \(row.defaultText))", indent: 6)
      }
    }
    return text
  }

  /// The options of `weir serve` as a Markdown table, for the README: flag, variable, default, meaning.
  public static var reference: String {
    var text = "| flag | environment | default | meaning |\n|---|---|---|---|\n"
    for row in ServeOptions.table.flatMap(\.rows) {
      let flag = row.value.map { "\(row.flag) \($0)" } ?? row.flag
      let cells = ["`\(flag)`", "`\(row.variable ?? "")`", row.defaultText, row.help]
      text += "| " + cells.map(escapedCell).joined(separator: " | ") + " |\n"
    }
    return text
  }

  private static func escapedCell(_ text: String) -> String {
    String(text.flatMap { $0 == "|" ? "\\|" : $0 == "*" ? "\\*" : String($0) })
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// `text` in lines of at most `width` columns, broken at spaces; a word that is longer stays whole.
  private static func wrapped(_ text: String, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let line = lines.last, line.count + 1 + word.count <= width - indent {
        lines[lines.count - 1] = line + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.map { margin + $0 + "\n" }.joined()
  }
}
