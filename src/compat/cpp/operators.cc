// operators.cc -- new and delete of a program linked to libgccpp: roots, so
// that memory a library keeps in places the collector does not see is safe.
//
// SPDX-License-Identifier: MIT
#include <cstddef>

#include <gc/gc.h>

extern void GC_throw_bad_alloc();

static void *allocate(std::size_t bytes)
{
    void *object = GC_MALLOC_UNCOLLECTABLE(bytes);
    if (object == nullptr)
        GC_throw_bad_alloc();
    return object;
}

void *operator new(std::size_t bytes)
{
    return allocate(bytes);
}

void *operator new[](std::size_t bytes)
{
    return allocate(bytes);
}

void operator delete(void *p) noexcept
{
    GC_FREE(p);
}

void operator delete[](void *p) noexcept
{
    GC_FREE(p);
}

void operator delete(void *p, std::size_t) noexcept
{
    GC_FREE(p);
}

void operator delete[](void *p, std::size_t) noexcept
{
    GC_FREE(p);
}
