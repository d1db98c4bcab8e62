// Version.swift: the one place that says which weir this is.

/// What this build calls itself, in `weir version`, in metrics and in logs.
public enum Version {
  /// Semantic versioning 2.0.0.
  public static let text = "0.1.0"

  /// The compiler's version, as far as a program can ask for it.
  static let swift: String = {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }()
}
