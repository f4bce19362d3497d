/* gc_allocator.h -- allocators for the containers of C++.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_ALLOCATOR_H
#define GC_ALLOCATOR_H

#include <cstddef>
#include <gc/gc.h>
#include <new>

extern void GC_throw_bad_alloc();

/* Says whether objects of a type need scanning; specialise for others. */
struct GC_true_type {};
struct GC_false_type {};
template <class T> struct GC_type_traits {
    GC_false_type GC_is_ptr_free;
};
#define GC_DECLARE_PTRFREE(T)               \
    template <> struct GC_type_traits<T> {  \
        GC_true_type GC_is_ptr_free;        \
    }
GC_DECLARE_PTRFREE(char);
GC_DECLARE_PTRFREE(signed char);
GC_DECLARE_PTRFREE(unsigned char);
GC_DECLARE_PTRFREE(short);
GC_DECLARE_PTRFREE(unsigned short);
GC_DECLARE_PTRFREE(int);
GC_DECLARE_PTRFREE(unsigned int);
GC_DECLARE_PTRFREE(long);
GC_DECLARE_PTRFREE(unsigned long);
GC_DECLARE_PTRFREE(float);
GC_DECLARE_PTRFREE(double);
GC_DECLARE_PTRFREE(long double);

inline void *GC_selective_alloc(std::size_t bytes, GC_false_type, bool)
{
    void *p = GC_MALLOC(bytes);
    if (p == 0)
        GC_throw_bad_alloc();
    return p;
}

inline void *GC_selective_alloc(std::size_t bytes, GC_true_type, bool)
{
    void *p = GC_MALLOC_ATOMIC(bytes);
    if (p == 0)
        GC_throw_bad_alloc();
    return p;
}

template <class T> class gc_allocator
{
  public:
    typedef T value_type;
    typedef T *pointer;
    typedef const T *const_pointer;
    typedef T &reference;
    typedef const T &const_reference;
    typedef std::size_t size_type;
    typedef std::ptrdiff_t difference_type;
    template <class U> struct rebind {
        typedef gc_allocator<U> other;
    };
    gc_allocator() throw() {}
    template <class U> gc_allocator(const gc_allocator<U> &) throw() {}
    T *allocate(size_type n, const void * = 0)
    {
        GC_type_traits<T> traits;
        return static_cast<T *>(GC_selective_alloc(n * sizeof(T), traits.GC_is_ptr_free, false));
    }
    void deallocate(T *p, size_type) { GC_FREE(p); }
    size_type max_size() const throw() { return size_type(-1) / 2 / sizeof(T); }
    pointer address(reference x) const { return &x; }
    const_pointer address(const_reference x) const { return &x; }
#if __cplusplus < 201103L /* later ones do it themselves, and move */
    void construct(pointer p, const T &x) { ::new ((void *)p) T(x); }
    void destroy(pointer p) { p->~T(); }
#endif
};

template <> class gc_allocator<void>
{
  public:
    typedef void value_type;
    typedef void *pointer;
    typedef const void *const_pointer;
    typedef std::size_t size_type;
    typedef std::ptrdiff_t difference_type;
    template <class U> struct rebind {
        typedef gc_allocator<U> other;
    };
};

template <class T, class U> bool operator==(const gc_allocator<T> &, const gc_allocator<U> &)
{
    return true;
}

template <class T, class U> bool operator!=(const gc_allocator<T> &, const gc_allocator<U> &)
{
    return false;
}

/* For large objects: only addresses near the beginning need keep them there, but here
 * every address keeps them. */
template <class T> class gc_allocator_ignore_off_page : public gc_allocator<T>
{
  public:
    template <class U> struct rebind {
        typedef gc_allocator_ignore_off_page<U> other;
    };
    gc_allocator_ignore_off_page() throw() {}
    template <class U>
    gc_allocator_ignore_off_page(const gc_allocator_ignore_off_page<U> &) throw()
    {
    }
};

template <> class gc_allocator_ignore_off_page<void> : public gc_allocator<void>
{
  public:
    template <class U> struct rebind {
        typedef gc_allocator_ignore_off_page<U> other;
    };
};

/* Of memory that is a root until it is freed. */
template <class T> class traceable_allocator
{
  public:
    typedef T value_type;
    typedef T *pointer;
    typedef const T *const_pointer;
    typedef T &reference;
    typedef const T &const_reference;
    typedef std::size_t size_type;
    typedef std::ptrdiff_t difference_type;
    template <class U> struct rebind {
        typedef traceable_allocator<U> other;
    };
    traceable_allocator() throw() {}
    template <class U> traceable_allocator(const traceable_allocator<U> &) throw() {}
    T *allocate(size_type n, const void * = 0)
    {
        void *p = GC_MALLOC_UNCOLLECTABLE(n * sizeof(T));
        if (p == 0)
            GC_throw_bad_alloc();
        return static_cast<T *>(p);
    }
    void deallocate(T *p, size_type) { GC_FREE(p); }
    size_type max_size() const throw() { return size_type(-1) / 2 / sizeof(T); }
    pointer address(reference x) const { return &x; }
    const_pointer address(const_reference x) const { return &x; }
#if __cplusplus < 201103L /* later ones do it themselves, and move */
    void construct(pointer p, const T &x) { ::new ((void *)p) T(x); }
    void destroy(pointer p) { p->~T(); }
#endif
};

template <> class traceable_allocator<void>
{
  public:
    typedef void value_type;
    typedef void *pointer;
    typedef const void *const_pointer;
    typedef std::size_t size_type;
    typedef std::ptrdiff_t difference_type;
    template <class U> struct rebind {
        typedef traceable_allocator<U> other;
    };
};

template <class T, class U>
bool operator==(const traceable_allocator<T> &, const traceable_allocator<U> &)
{
    return true;
}

template <class T, class U>
bool operator!=(const traceable_allocator<T> &, const traceable_allocator<U> &)
{
    return false;
}
#endif
