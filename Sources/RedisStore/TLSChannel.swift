// TLSChannel.swift: one TLS connection without a socket (OpenSSL's memory BIOs): bytes from the network in, bytes for
// the network out, plain text on the other side. No system call: whoever has a socket moves the bytes.
//
// Names are checked by OpenSSL (RFC 6125: subject alternative names, no partial wildcards); addresses against the
// certificate's IP entries. A failure is told as a sentence that says what to do: OpenSSL's own words name the symptom.

import COpenSSL

/// The client's end of a TLS connection. For one thread.
@safe final class TLSChannel {
  enum Progress: Equatable {
    /// More bytes of the peer are needed.
    case wait
    /// The handshake is done: plain text may be written and read.
    case open
    case failed(TLSFailure)
  }

  enum Reading: Equatable {
    /// So many bytes of plain text are in the buffer.
    case bytes(Int)
    case wait
    /// The peer has said that it will send no more.
    case ended
    case failed(TLSFailure)
  }

  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  private let context: TLSContext
  private let host: String
  private(set) var isOpen = false

  /// - Parameters:
  ///   - host: The name or address that the server's certificate has to be for.
  ///   - isAddress: Whether `host` is an IP address: servers are not told addresses (RFC 6066 section 3).
  init(context: TLSContext, host: String, isAddress: Bool) throws(TLSFailure) {
    self.context = context
    // `redis.internal.` is how a name is looked up, not how a certificate has it.
    let host = host.hasSuffix(".") ? String(host.dropLast()) : host
    self.host = host
    guard let ssl = unsafe SSL_new(context.pointer), let incoming = unsafe BIO_new(BIO_s_mem()),
      let outgoing = unsafe BIO_new(BIO_s_mem())
    else { preconditionFailure("no memory for a TLS connection") }
    unsafe self.ssl = ssl
    unsafe self.incoming = incoming
    unsafe self.outgoing = outgoing
    unsafe weir_BIO_set_mem_eof_return(incoming, -1)
    unsafe weir_BIO_set_mem_eof_return(outgoing, -1)
    unsafe SSL_set_bio(ssl, incoming, outgoing)  // which owns both from now on
    unsafe SSL_set_connect_state(ssl)
    var isFit = true
    if isAddress {
      isFit = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
    } else {
      unsafe SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
      isFit = unsafe SSL_set1_host(ssl, host) == 1 && weir_SSL_set_tlsext_host_name(ssl, host) == 1
    }
    guard isFit else { throw TLSFailure(detail: "\"\(host)\" cannot be the name in a certificate") }
  }

  deinit { unsafe SSL_free(ssl) }

  /// Takes bytes of the peer.
  func received(_ bytes: Span<UInt8>) {
    var rest = bytes.extracting(0...)
    while rest.count > 0 {
      let count = unsafe rest.withUnsafeBytes { unsafe BIO_write(incoming, $0.baseAddress, Int32(clamping: $0.count)) }
      precondition(count > 0, "a memory BIO takes what it is given")
      rest = rest.extracting(droppingFirst: Int(count))
    }
  }

  /// Goes on with the handshake as far as the peer's bytes allow.
  func advance() -> Progress {
    guard !isOpen else { return .open }
    ERR_clear_error()
    let result = unsafe SSL_do_handshake(ssl)
    if result == 1 {
      isOpen = true
      return .open
    }
    switch unsafe SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wait
    default: return .failed(failure())
    }
  }

  /// Encrypts all of `plaintext`.
  func write(_ plaintext: Span<UInt8>) throws(TLSFailure) {
    guard plaintext.count > 0 else { return }
    ERR_clear_error()
    var written = 0
    let result = unsafe plaintext.withUnsafeBytes { unsafe SSL_write_ex(ssl, $0.baseAddress, $0.count, &written) }
    guard result == 1, written == plaintext.count else { throw failure() }
  }

  /// Decrypts as much as fits into `buffer`.
  func read(into buffer: inout [UInt8]) -> Reading {
    ERR_clear_error()
    var count = 0
    let result = unsafe buffer.withUnsafeMutableBytes { unsafe SSL_read_ex(ssl, $0.baseAddress, $0.count, &count) }
    if result == 1 { return .bytes(count) }
    switch unsafe SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wait
    case SSL_ERROR_ZERO_RETURN: return .ended
    default: return .failed(failure())
    }
  }

  /// Says that no more will be written (close_notify).
  func sayGoodbye() {
    guard isOpen else { return }
    ERR_clear_error()
    _ = unsafe SSL_shutdown(ssl)
    ERR_clear_error()
  }

  /// Moves bytes for the peer into `buffer`; 0 where there are none left.
  func takeOutput(into buffer: inout [UInt8]) -> Int {
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe BIO_read(outgoing, $0.baseAddress, Int32(clamping: $0.count))
    }
    return max(0, Int(count))
  }

  // MARK: what went wrong

  private func failure() -> TLSFailure {
    let verification = unsafe Int32(truncatingIfNeeded: SSL_get_verify_result(ssl))
    let code = ERR_peek_error()
    ERR_clear_error()
    if context.verifies, verification != X509_V_OK { return TLSFailure(detail: explain(certificate: verification)) }
    guard code != 0 else { return TLSFailure(detail: "the TLS connection broke off") }
    return TLSFailure(detail: Self.explain(code))
  }

  private func explain(certificate result: Int32) -> String {
    switch result {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "the server's certificate is not from an authority that is trusted here; name that authority by ?ca="
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the server's certificate, or its authority's, has expired; renew it, or set this machine's clock"
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the server's certificate is not valid yet; set this machine's clock"
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the server's certificate is not for \(host); connect by a name that it holds"
    default:
      let text = unsafe X509_verify_cert_error_string(Int(result)).map { unsafe String(cString: $0) }
      return "the server's certificate is not accepted: \(text ?? "error \(result)")"
    }
  }

  /// Reasons of OpenSSL are numbers; those of alerts are 1000 and the alert's number (RFC 8446 section 6).
  private static func explain(_ code: UInt) -> String {
    switch ERR_GET_REASON(code) {
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_BAD_RECORD_TYPE:
      return "what answers there is not TLS; use redis://, or Redis's TLS port"
    case 1116: return "the server wants a client certificate; give ?cert= and ?key="
    case 1048: return "the server does not know the authority of our certificate; see its tls-ca-cert-file"
    case 1042, 1043, 1046: return "the server does not accept our certificate"
    case 1045: return "our certificate has expired; renew it"
    case 1070, SSL_R_UNSUPPORTED_PROTOCOL: return "the server speaks no TLS 1.2 or later"
    case 1040: return "the server refuses: no cipher in common, or it wants a client certificate (?cert=, ?key=)"
    default:
      let text = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
      return "TLS failed: \(text ?? "error \(code)")"
    }
  }
}
