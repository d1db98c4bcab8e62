// Version.swift: the one place that says which weir this is.

/// What this build calls itself, in `weir version`, in metrics and in logs.
public enum Version {
  /// Semantic versioning 2.0.0.
  public static let text = "0.1.0"
}
