// Machine+StartUp.swift: gives back the pages of code that only the start needed.
//
// Starting touches much of the Swift runtime once: reading files, building tables, looking types up. Those pages are
// clean copies of files, so dropping them loses nothing; what serving needs comes back by itself, from the page cache,
// with the first requests. It keeps a sidecar's resident memory to what it uses: about 4 MB less.

#if os(Linux)
  #if canImport(Musl)
    import Musl
  #else
    import Glibc
  #endif

  extension Machine {
    /// Drops the program's code and that of its libraries from resident memory.
    public static func forgetStartUpCode() {
      guard let maps = Platform.text(ofFile: "/proc/self/maps") else { return }
      for line in maps.split(separator: "\n") {
        // 7f44665df000-7f44665e1000 r-xp 00002000 fe:00 1234   /usr/lib/libyaml-0.so.2
        let fields = line.split(separator: " ")
        guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { continue }
        let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { continue }
        // SAFETY: mapped from a file, executable and not writable: each page can be read from the file again.
        unsafe madvise(UnsafeMutableRawPointer(bitPattern: ends[0]), Int(ends[1] - ends[0]), MADV_DONTNEED)
      }
    }
  }
#else
  extension Machine {
    /// Does nothing here.
    public static func forgetStartUpCode() {}
  }
#endif
