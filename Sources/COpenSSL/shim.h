// Lets Swift see OpenSSL. Header-only, no logic.
//
// SHA256_Init and its kin are marked deprecated in 3.x in favour of EVP, whose first use initialises the whole library:
// 2 MB resident, for one digest at a load. They stay in 3.x, and are wanted here.
#pragma once
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
