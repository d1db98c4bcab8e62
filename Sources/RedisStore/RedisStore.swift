// RedisStore.swift: nothing yet. The room is compiled and linked from the start, so that a machine without hiredis or
// OpenSSL is noticed when weir is built and not when Redis support arrives.

import CHiredis
import COpenSSL
