/* gc_cpp.h -- collected classes of C++.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_CPP_H
#define GC_CPP_H

#include <cstddef>
#include <gc/gc.h>
#include <new>

extern void GC_throw_bad_alloc();

enum GCPlacement { UseGC, GC = UseGC, NoGC, PointerFreeGC };

inline void *gc_new(std::size_t bytes, GCPlacement place)
{
    void *p = place == NoGC            ? GC_MALLOC_UNCOLLECTABLE(bytes)
              : place == PointerFreeGC ? GC_MALLOC_ATOMIC(bytes)
                                       : GC_MALLOC(bytes);
    if (p == 0)
        GC_throw_bad_alloc();
    return p;
}

/* A class whose objects are collected; no destructor runs. */
class gc
{
  public:
    void *operator new(std::size_t bytes) { return gc_new(bytes, UseGC); }
    void *operator new(std::size_t bytes, GCPlacement place) { return gc_new(bytes, place); }
    void *operator new(std::size_t, void *p) { return p; }
    void operator delete(void *p) { GC_FREE(p); }
    void operator delete(void *p, GCPlacement) { GC_FREE(p); }
    void operator delete(void *, void *) {}
    void *operator new[](std::size_t bytes) { return gc_new(bytes, UseGC); }
    void *operator new[](std::size_t bytes, GCPlacement place) { return gc_new(bytes, place); }
    void *operator new[](std::size_t, void *p) { return p; }
    void operator delete[](void *p) { GC_FREE(p); }
    void operator delete[](void *p, GCPlacement) { GC_FREE(p); }
    void operator delete[](void *, void *) {}
};

/* And one whose destructor runs when its object is gone. */
class gc_cleanup : virtual public gc
{
  public:
    gc_cleanup()
    {
        GC_finalization_proc old_proc = 0;
        void *old_data = 0, *self = this, *base = GC_base(self);
        if (base == 0)
            return;
        GC_REGISTER_FINALIZER_IGNORE_SELF(base, gc_cleanup::run,
                                          (void *)((char *)self - (char *)base), &old_proc,
                                          &old_data);
        if (old_proc != 0)
            GC_REGISTER_FINALIZER_IGNORE_SELF(base, old_proc, old_data, 0, 0);
    }
    virtual ~gc_cleanup()
    {
        void *base = GC_base(this);
        if (base != 0)
            GC_REGISTER_FINALIZER_IGNORE_SELF(base, 0, 0, 0, 0);
    }

  private:
    static void run(void *base, void *offset)
    {
        ((gc_cleanup *)(void *)((char *)base + (std::ptrdiff_t)offset))->~gc_cleanup();
    }
};

inline void *operator new[](std::size_t bytes, GCPlacement place)
{
    return gc_new(bytes, place);
}

inline void *operator new(std::size_t bytes, GCPlacement place, void (*cleanup)(void *, void *) = 0,
                          void *data = 0)
{
    void *p = gc_new(bytes, place);
    if (cleanup != 0 && place != NoGC)
        GC_REGISTER_FINALIZER_IGNORE_SELF(p, cleanup, data, 0, 0);
    return p;
}
#endif
