// Screenshots.swift: the pictures in docs/images, made by the tests that show what the documentation says.

import Foundation
import TestKit

enum Screenshots {
  /// With `WEIR_SCREENSHOTS=docs` in the environment the picture of the documentation is made anew; any other value is a
  /// folder that gets pictures to look at, at a phone's and a desk's width, light and dark.
  static func save(_ browser: Browser, width: Int, height: Int) throws {
    guard let wish = ProcessInfo.processInfo.environment["WEIR_SCREENSHOTS"], !wish.isEmpty else { return }
    if wish == "docs" {
      try save(browser, width, height, isDark: false, WeirProcess.repository + "/docs/images/page.png")
    } else {
      for (name, width) in [("phone", 390), ("desk", 1280)] {
        try save(browser, width, 2600, isDark: false, "\(wish)/\(name)-light.png")
        try save(browser, width, 2600, isDark: true, "\(wish)/\(name)-dark.png")
      }
    }
    try browser.show(width: 1280, height: 900, isDark: false)
  }

  private static func save(_ browser: Browser, _ width: Int, _ height: Int, isDark: Bool, _ path: String) throws {
    try browser.show(width: width, height: height, isDark: isDark)
    _ = try browser.value("scrollTo(0, 0)")
    try Data(browser.screenshot()).write(to: URL(fileURLWithPath: path))
  }
}
