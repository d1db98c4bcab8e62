// mutex.c: tells ThreadSanitizer what Swift's Mutex does where the sanitizer cannot see it.
//
// The quick path of Synchronization.Mutex is compiled into our code, and so instrumented. The slow path, taken when
// another thread holds the lock, lies in libswiftSynchronization, which is not: what a thread wrote before it unlocked
// would look like a race to the one that waited. This library stands in front of the two slow functions (LD_PRELOAD),
// calls the real ones, and adds the order that they make.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Of the sanitizer's runtime, which is linked into the program.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

typedef __attribute__((swiftcall)) void (*lock_function)(uint32_t thread, __attribute__((swift_context)) void *mutex);
typedef __attribute__((swiftcall)) void (*unlock_function)(__attribute__((swift_context)) void *mutex);

static lock_function real_lock;
static unlock_function real_unlock;

__attribute__((constructor)) static void find_real_functions(void) {
  real_lock = (lock_function)dlsym(RTLD_NEXT, LOCK_SLOW);
  real_unlock = (unlock_function)dlsym(RTLD_NEXT, UNLOCK_SLOW);
}

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex) __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *mutex) __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex) {
  // A program that has none of Swift's mutexes never gets here.
  if (!real_lock) abort();
  real_lock(thread, mutex);
  if (__tsan_acquire) __tsan_acquire(mutex);
}

__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *mutex) {
  if (!real_unlock) abort();
  if (__tsan_release) __tsan_release(mutex);
  real_unlock(mutex);
}
