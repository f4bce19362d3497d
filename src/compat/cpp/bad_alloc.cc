// bad_alloc.cc -- the exception of allocators that find no memory.
//
// SPDX-License-Identifier: MIT
#include <new>

extern void GC_throw_bad_alloc();

void GC_throw_bad_alloc()
{
    throw std::bad_alloc();
}
