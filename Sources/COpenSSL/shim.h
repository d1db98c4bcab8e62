// Lets Swift see OpenSSL. Header-only, no logic.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
