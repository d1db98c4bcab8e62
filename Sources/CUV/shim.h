// Lets Swift see libuv. Header-only, no logic.
#pragma once
#include <uv.h>

#ifdef __linux__
// Both are in every Linux C library, but its headers show them only where _GNU_SOURCE is defined before the first
// include, and Swift's module for the C library is built without it.
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
int pthread_setname_np(pthread_t thread, const char *name);
#endif
