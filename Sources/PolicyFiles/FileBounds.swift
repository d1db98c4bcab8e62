// FileBounds.swift: how much this room reads. Policy files come from operators, but a mistaken mount or a template gone
// wild must end in a diagnostic, not in a process without memory.

enum FileBounds {
  /// Bytes of one file. 10 000 ordinary policies are about 3 MB.
  static let fileSize: Int64 = 8 << 20
  /// Bytes of all files of a directory together.
  static let totalSize: Int64 = 64 << 20
  /// How deep lists and mappings nest. The schema needs 7.
  static let depth = 32
  /// Values in one file, aliases counted as often as they are used, so that aliases of aliases stay harmless.
  static let nodes = 2_000_000
  /// Diagnostics reported for one load; one more line says how many were left out.
  static let diagnostics = 10_000
  /// Characters of a given value that a message repeats.
  static let quotedText = 80
}
