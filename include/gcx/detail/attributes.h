/* attributes.h -- how the compiler sees libgcx's public declarations.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_DETAIL_ATTRIBUTES_H
#define GCX_DETAIL_ATTRIBUTES_H

#define GCX_API __attribute__((visibility("default")))
#define GCX_MALLOC __attribute__((malloc, warn_unused_result))
/* Keeps the frame of the caller until that has made its own last call. */
#define GCX_RETURNS_TWICE __attribute__((returns_twice))
#define GCX_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define GCX_LIKELY(x) __builtin_expect(!!(x), 1)

/* A plain store that the library may read from another thread meanwhile. It is
 * an atomic one only where ThreadSanitizer would report it. */
#ifndef __has_feature
#define GCX_DETAIL_HAS_FEATURE(name) 0
#else
#define GCX_DETAIL_HAS_FEATURE(name) __has_feature(name)
#endif
#if defined(__SANITIZE_THREAD__) || GCX_DETAIL_HAS_FEATURE(thread_sanitizer)
#define GCX_DETAIL_STORE(p, value) __atomic_store_n((p), (value), __ATOMIC_RELAXED)
#else
#define GCX_DETAIL_STORE(p, value) (*(p) = (value))
#endif

/* The fast paths are inline functions that also exist as symbols of the
 * library: C99 inline rules, whatever the dialect of the including file. */
#ifdef __cplusplus
#define GCX_INLINE GCX_API inline
#elif defined(__GNUC_GNU_INLINE__)
#define GCX_INLINE GCX_API extern inline
#else
#define GCX_INLINE GCX_API inline
#endif

#endif
