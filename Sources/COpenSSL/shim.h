// Lets Swift see OpenSSL. Header-only, no logic.
//
// SHA256_Init and its kin are marked deprecated in 3.x in favour of EVP, whose first use initialises the whole library:
// 2 MB resident, for one digest at a load. They stay in 3.x, and are wanted here.
#pragma once
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Swift does not import macros that are calls. Each of these is one, under the macro's name with a prefix.

// SSL_CTX_set_min_proto_version: TLS 1.2, the oldest that is not broken.
static inline int weir_SSL_CTX_require_TLS1_2(SSL_CTX *context) {
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

// SSL_set_tlsext_host_name: the name that the server picks its certificate by (SNI).
static inline int weir_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

// BIO_set_mem_eof_return: an empty memory BIO says "try again" instead of "the end".
static inline void weir_BIO_set_mem_eof_return(BIO *bio, int value) { BIO_set_mem_eof_return(bio, value); }
