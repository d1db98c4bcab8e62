// TLSContext.swift: what all connections by one set of TLS files have in common (SSL_CTX): authorities, our certificate,
// the oldest version. Made anew for each attempt to connect, off the loop since it reads files, so that a renewed
// certificate is used without a restart.
//
// OpenSSL initialises itself (2 MB) with the first context: who does not use rediss:// does not pay for it.
// Left out: session resumption (connections live long), revocation lists.

import COpenSSL
import Glibc

/// A failure of TLS, told as one sentence for the operator.
struct TLSFailure: Error, Equatable {
  let detail: String
}

/// Authorities and certificates.
///
/// SAFETY of `@unchecked Sendable`: changed by `init` only; OpenSSL counts the references to a context by atomics.
@safe final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer
  let verifies: Bool

  /// Reads the files; this may block.
  init(_ settings: TLSSettings) throws(TLSFailure) {
    // Before anything else initialises the library: else it frees what it shares when the process ends, under threads that
    // still read files or shake hands.
    _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    ERR_clear_error()
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw TLSFailure(detail: "OpenSSL cannot start: \(Self.lastError())")
    }
    unsafe pointer = context
    verifies = settings.verifies
    guard unsafe weir_SSL_CTX_require_TLS1_2(context) == 1 else {
      throw TLSFailure(detail: "OpenSSL has no TLS 1.2: \(Self.lastError())")
    }
    _ = unsafe SSL_CTX_set_options(context, UInt64(1) << 30)  // SSL_OP_NO_RENEGOTIATION: a write never has to read
    unsafe SSL_CTX_set_verify(context, settings.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
    // Without a callback OpenSSL would ask for a key's passphrase on the terminal.
    unsafe SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
    if settings.verifies { try loadAuthorities(settings.authorities) }
    if let certificate = settings.certificate {
      try loadCertificate(certificate, key: settings.key ?? certificate)
    }
  }

  deinit { unsafe SSL_CTX_free(pointer) }

  private func loadAuthorities(_ file: String?) throws(TLSFailure) {
    guard let file else {
      // A machine without authorities is told by the verification of the first certificate.
      _ = unsafe SSL_CTX_set_default_verify_paths(pointer)
      return
    }
    try Self.checkReadable(file, option: "ca")
    guard unsafe SSL_CTX_load_verify_locations(pointer, file, nil) == 1 else {
      throw TLSFailure(detail: "?ca=\(file): no PEM certificates in it (\(Self.lastError()))")
    }
  }

  private func loadCertificate(_ file: String, key: String) throws(TLSFailure) {
    try Self.checkReadable(file, option: "cert")
    try Self.checkReadable(key, option: "key")
    guard unsafe SSL_CTX_use_certificate_chain_file(pointer, file) == 1 else {
      throw TLSFailure(detail: "?cert=\(file): no PEM certificate in it (\(Self.lastError()))")
    }
    guard unsafe SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1 else {
      let reason = Self.lastError()
      throw TLSFailure(
        detail: "?key=\(key): no PEM key without a passphrase that fits the certificate in it (\(reason))")
    }
    guard unsafe SSL_CTX_check_private_key(pointer) == 1 else {
      throw TLSFailure(detail: "?key=\(key): the key is not that of ?cert=\(file)")
    }
  }

  private static func checkReadable(_ file: String, option: String) throws(TLSFailure) {
    if unsafe access(file, R_OK) != 0 {
      throw TLSFailure(detail: "?\(option)=\(file) cannot be read: \(unsafe String(cString: strerror(errno)))")
    }
  }

  /// The newest of this thread's errors, in OpenSSL's words; clears the others.
  static func lastError() -> String {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    guard code != 0 else { return "no reason given" }
    guard let reason = unsafe ERR_reason_error_string(code) else { return "error \(code)" }
    return unsafe String(cString: reason)
  }
}
