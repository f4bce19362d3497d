/* dirty_mprotect.c -- written pages by read-only protection and SIGSEGV.
 *
 * Works everywhere and costs the most: a signal and a system call per first
 * write. To have fewer of them, and fewer kernel mappings, it works in units of
 * 64 KiB, counted from the base rounded down.
 *
 *   (0) --arm--> OURS|ARMED --fault--> OURS|DIRTY --harvest--> OURS|ARMED|REPORT
 *                     |                                              |
 *                     `----disarm----> OURS            visit: REPORT cleared
 *
 *   P1  An ARMED unit is read-only; any other is left writable. State and
 *       protection change together under the lock, so a fault on a unit that
 *       is not ARMED is stale: its thread just tries again.
 *   P2  OURS: the unit was armed as a whole once, so all of it is committed
 *       and a fault in it is for us. Faults elsewhere are passed on.
 *   P3  Only whole units are protected. One that a range covers in part is
 *       DIRTY for good without being touched: it may be committed in part.
 *   P4  Harvest protects first and visits then. A unit written in between is
 *       DIRTY and REPORT, and appears in this harvest and the next (D2).
 *   P5  When the kernel refuses to split another mapping (vm.max_map_count)
 *       everything up to the highest armed address becomes writable and DIRTY
 *       in one call, which merges mappings and so cannot fail for that reason.
 *       Memory is committed from the base upwards, so nothing uncommitted is
 *       made accessible.
 *   P6  The program's handler for SIGSEGV comes after ours (os/fault.h). One that
 *       was installed past our interposition may not know ours: from the next
 *       cycle on nothing is armed.
 *
 * Locking: one futex lock around state and protection. It is held with all
 * signals blocked, in the handler too: a thread that is stopped, or that runs
 * a program's signal handler, never holds it. Visits run without it. Units are
 * atomic only for the REPORT bit, which is taken without the lock.
 *
 * Limits: system calls that write into armed pages fail with EFAULT. A program
 * that blocks SIGSEGV, or changes the protection of collected memory, fails.
 *
 * SPDX-License-Identifier: MIT */
#include "os/dirty_backends.h"
#include "os/fault.h"
#include "os/futex.h"
#include "os/signals.h"
#include "os/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define MPROTECT_LG_UNIT 16
#define MPROTECT_UNIT_BYTES ((size_t)1 << MPROTECT_LG_UNIT)

#define MPROTECT_OURS 1u
#define MPROTECT_ARMED 2u
#define MPROTECT_DIRTY 4u
#define MPROTECT_REPORT 8u

#define MPROTECT_FREE 0u
#define MPROTECT_HELD 1u
#define MPROTECT_WAITED 2u

typedef _Atomic(uint8_t) mprotect_unit;

static struct {
    mprotect_unit *units; /* NULL: closed; set before and cleared after the rest */
    size_t units_bytes;   /* of the table's mapping */
    uintptr_t origin;     /* of unit 0: the base rounded down */
    uintptr_t lo;
    size_t bytes;       /* no further addresses: those of objects would hold them */
    size_t armed_bytes; /* from lo to the highest address ever armed; under the lock */
    bool is_displaced;  /* P6; collector */
    _Atomic(uint32_t) lock;
} mprotect_state;

/* The whole units of a range, and the parts of units at its ends. */
struct mprotect_span {
    size_t first;
    size_t last; /* one past; <= first if there is no whole unit */
};

/* ---- lock ---- */

static void mprotect_lock_word(void)
{
    uint32_t expected = MPROTECT_FREE;

    /* acquire: pairs with the release in mprotect_unlock_word */
    if (atomic_compare_exchange_strong_explicit(&mprotect_state.lock, &expected, MPROTECT_HELD,
                                                memory_order_acquire, memory_order_relaxed))
        return;
    while (atomic_exchange_explicit(&mprotect_state.lock, MPROTECT_WAITED, memory_order_acquire) !=
           MPROTECT_FREE)
        gcxi_futex_wait(&mprotect_state.lock, MPROTECT_WAITED);
}

static void mprotect_unlock_word(void)
{
    /* release: pairs with the acquires in mprotect_lock_word */
    if (atomic_exchange_explicit(&mprotect_state.lock, MPROTECT_FREE, memory_order_release) ==
        MPROTECT_WAITED)
        gcxi_futex_wake(&mprotect_state.lock, 1);
}

static void mprotect_lock(sigset_t *saved)
{
    sigset_t all;

    sigfillset(&all);
    gcxi_sigmask(SIG_BLOCK, &all, saved);
    mprotect_lock_word();
}

static void mprotect_unlock(const sigset_t *saved)
{
    mprotect_unlock_word();
    gcxi_sigmask(SIG_SETMASK, saved, NULL);
}

/* ---- units ---- */

static unsigned mprotect_get(size_t unit)
{
    return atomic_load_explicit(&mprotect_state.units[unit], memory_order_relaxed);
}

static bool mprotect_has(size_t unit, unsigned bits)
{
    return (mprotect_get(unit) & bits) != 0;
}

/* Atomic because of the concurrent taking of REPORT. */
static void mprotect_change(size_t unit, unsigned clear, unsigned set)
{
    mprotect_unit *word = &mprotect_state.units[unit];

    atomic_fetch_and_explicit(word, (uint8_t)~clear, memory_order_relaxed);
    atomic_fetch_or_explicit(word, (uint8_t)set, memory_order_relaxed);
}

static bool mprotect_take_report(size_t unit)
{
    if (!mprotect_has(unit, MPROTECT_REPORT))
        return false;
    atomic_fetch_and_explicit(&mprotect_state.units[unit], (uint8_t)~MPROTECT_REPORT,
                              memory_order_relaxed);
    return true;
}

static uintptr_t mprotect_unit_addr(size_t unit)
{
    return mprotect_state.origin + (unit << MPROTECT_LG_UNIT);
}

/* The unit that holds the address. */
static size_t mprotect_unit_of(uintptr_t addr)
{
    return (addr - mprotect_state.origin) >> MPROTECT_LG_UNIT;
}

/* One past the last unit that the range up to hi touches. */
static size_t mprotect_unit_end(uintptr_t hi)
{
    return mprotect_unit_of(hi - 1) + 1;
}

static struct mprotect_span mprotect_whole_units(uintptr_t lo, uintptr_t hi)
{
    const size_t first = mprotect_unit_of(lo + MPROTECT_UNIT_BYTES - 1);

    return (struct mprotect_span){.first = first, .last = gcxi_max(mprotect_unit_of(hi), first)};
}

static int mprotect_protect(size_t first, size_t last, int protection)
{
    void *base = (void *)mprotect_unit_addr(first);

    return mprotect(base, (last - first) << MPROTECT_LG_UNIT, protection);
}

/* P5. Reached from the handler also. */
static GCXI_COLD void mprotect_give_up_locked(void)
{
    const uintptr_t end = mprotect_state.lo + mprotect_state.armed_bytes;
    const size_t last = mprotect_unit_end(end);

    if (mprotect((void *)mprotect_state.lo, end - mprotect_state.lo, PROT_READ | PROT_WRITE) < 0)
        gcxi_panic(__FILE__, __LINE__, "cannot make the heap writable");
    for (size_t unit = 0; unit < last; unit++) {
        if (mprotect_has(unit, MPROTECT_ARMED))
            mprotect_change(unit, MPROTECT_ARMED, MPROTECT_DIRTY);
    }
}

/* Makes units writable. The caller has changed or will change their state. */
static void mprotect_open_locked(size_t first, size_t last)
{
    if (mprotect_protect(first, last, PROT_READ | PROT_WRITE) < 0)
        mprotect_give_up_locked();
}

/* P3. A unit that was armed becomes writable, and the part of it that is not
 * meant stays dirty. */
static void mprotect_dirty_unit_locked(size_t unit)
{
    const bool armed = mprotect_has(unit, MPROTECT_ARMED);

    mprotect_change(unit, MPROTECT_ARMED, MPROTECT_DIRTY);
    if (armed)
        mprotect_open_locked(unit, unit + 1);
}

static void mprotect_open_unit_locked(size_t unit)
{
    if (mprotect_has(unit, MPROTECT_ARMED))
        mprotect_dirty_unit_locked(unit);
}

/* Calls change for the units that [lo, hi) covers in part. */
static void mprotect_each_end(uintptr_t lo, uintptr_t hi, void (*change)(size_t unit))
{
    const struct mprotect_span span = mprotect_whole_units(lo, hi);
    const size_t first = mprotect_unit_of(lo);
    const size_t last = mprotect_unit_end(hi) - 1;

    if (first < span.first || first >= span.last)
        change(first);
    if (last != first && last >= span.last)
        change(last);
}

/* P6. */
static bool mprotect_is_displaced(void)
{
    if (mprotect_state.units == NULL || mprotect_state.is_displaced || gcxi_fault_is_first())
        return mprotect_state.is_displaced;
    mprotect_state.is_displaced = true;
    gcxi_report("a handler for SIGSEGV was installed over that of GCX_DIRTY=mprotect, so pages are "
                "no longer tracked: see docs/guide-linking.md");
    return true;
}

/* ---- arm, disarm ---- */

/* Protects units and marks them so. On failure all of them are writable and
 * DIRTY. */
static int mprotect_arm_locked(size_t first, size_t last)
{
    const uintptr_t end = mprotect_unit_addr(last);

    mprotect_state.armed_bytes = gcxi_max(mprotect_state.armed_bytes, end - mprotect_state.lo);
    for (size_t unit = first; unit < last; unit++)
        mprotect_change(unit, MPROTECT_DIRTY, MPROTECT_OURS | MPROTECT_ARMED);
    if (mprotect_protect(first, last, PROT_READ) == 0)
        return 0;
    mprotect_open_locked(first, last);
    for (size_t unit = first; unit < last; unit++)
        mprotect_change(unit, MPROTECT_ARMED, MPROTECT_DIRTY);
    return -1;
}

static int mprotect_arm(uintptr_t lo, uintptr_t hi)
{
    const struct mprotect_span span = mprotect_whole_units(lo, hi);
    sigset_t saved;
    int result = 0;

    if (mprotect_is_displaced())
        return -1;
    mprotect_lock(&saved);
    mprotect_each_end(lo, hi, mprotect_dirty_unit_locked);
    if (span.first < span.last)
        result = mprotect_arm_locked(span.first, span.last);
    mprotect_unlock(&saved);
    return result;
}

static bool mprotect_any_armed(size_t first, size_t last)
{
    for (size_t unit = first; unit < last; unit++) {
        if (mprotect_has(unit, MPROTECT_ARMED))
            return true;
    }
    return false;
}

static void mprotect_disarm(uintptr_t lo, uintptr_t hi)
{
    const struct mprotect_span span = mprotect_whole_units(lo, hi);
    sigset_t saved;

    mprotect_lock(&saved);
    mprotect_each_end(lo, hi, mprotect_open_unit_locked);
    if (mprotect_any_armed(span.first, span.last))
        mprotect_open_locked(span.first, span.last);
    for (size_t unit = span.first; unit < span.last; unit++)
        mprotect_change(unit, MPROTECT_ARMED | MPROTECT_DIRTY | MPROTECT_REPORT, 0);
    mprotect_unlock(&saved);
}

/* ---- harvest ---- */

/* The next stretch of units that were armed, from *first on: the dirty ones
 * with the clean ones between them, since protecting those again costs less
 * than a call for each side. *last is past its last dirty unit. */
static bool mprotect_find_stretch(size_t *first, size_t *last, size_t end)
{
    size_t unit = *first;

    while (unit < end && !(mprotect_has(unit, MPROTECT_DIRTY) && mprotect_has(unit, MPROTECT_OURS)))
        unit++;
    if (unit == end)
        return false;
    *first = unit;
    for (; unit < end && mprotect_has(unit, MPROTECT_ARMED | MPROTECT_DIRTY) &&
           mprotect_has(unit, MPROTECT_OURS);
         unit++) {
        if (mprotect_has(unit, MPROTECT_DIRTY))
            *last = unit + 1;
    }
    return true;
}

/* If the stretch cannot be protected it stays dirty, which is reported. */
static void mprotect_rearm_locked(size_t end, size_t first)
{
    size_t last = first;

    while (mprotect_find_stretch(&first, &last, end)) {
        (void)mprotect_arm_locked(first, last);
        first = last;
    }
}

static void mprotect_mark_report_locked(size_t first, size_t last)
{
    for (size_t unit = first; unit < last; unit++) {
        if (mprotect_has(unit, MPROTECT_DIRTY))
            mprotect_change(unit, 0, MPROTECT_REPORT);
    }
}

static void mprotect_visit_reports(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg)
{
    const size_t last = mprotect_unit_end(hi);
    size_t unit = mprotect_unit_of(lo);

    while (unit < last) {
        const size_t first = unit;

        while (unit < last && mprotect_take_report(unit))
            unit++;
        if (unit > first)
            visit((uintptr_t)gcxi_max(lo, mprotect_unit_addr(first)),
                  (uintptr_t)gcxi_min(hi, mprotect_unit_addr(unit)), arg);
        else
            unit++;
    }
}

static int mprotect_harvest(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg)
{
    const struct mprotect_span span = mprotect_whole_units(lo, hi);
    sigset_t saved;

    if (mprotect_is_displaced()) {
        mprotect_disarm(lo, hi);
        return -1;
    }
    mprotect_lock(&saved);
    mprotect_mark_report_locked(mprotect_unit_of(lo), mprotect_unit_end(hi));
    mprotect_rearm_locked(span.last, span.first);
    mprotect_unlock(&saved);
    mprotect_visit_reports(lo, hi, visit, arg);
    return 0;
}

static void mprotect_harvest_end(void)
{
}

/* ---- faults ---- */

/* A gcxi_fault_resolver. */
static bool mprotect_resolve(uintptr_t addr)
{
    size_t unit;
    bool ours;

    if (mprotect_state.units == NULL || addr < mprotect_state.lo ||
        addr - mprotect_state.lo >= mprotect_state.bytes)
        return false;
    unit = mprotect_unit_of(addr);
    mprotect_lock_word();
    ours = mprotect_has(unit, MPROTECT_OURS);
    mprotect_open_unit_locked(unit);
    mprotect_unlock_word();
    return ours;
}

/* ---- open, close, fork ---- */

static int mprotect_prepare(uintptr_t base, size_t bytes)
{
    const uintptr_t origin = gcxi_align_down(base, MPROTECT_UNIT_BYTES);
    const size_t units = ((base + bytes - 1 - origin) >> MPROTECT_LG_UNIT) + 1;
    const size_t table_bytes = gcxi_align_up(units, gcxi_vm_page_bytes());
    mprotect_unit *table = gcxi_vm_map(table_bytes);

    if (table == NULL)
        return -1;
    mprotect_state.units_bytes = table_bytes;
    mprotect_state.origin = origin;
    mprotect_state.lo = base;
    mprotect_state.bytes = bytes;
    mprotect_state.armed_bytes = 0;
    mprotect_state.units = table;
    return 0;
}

static void mprotect_forget(void)
{
    mprotect_unit *table = mprotect_state.units;

    mprotect_state.units = NULL;
    gcxi_vm_unmap(table, mprotect_state.units_bytes);
}

static void mprotect_probe_note(uintptr_t lo, uintptr_t hi, void *arg)
{
    size_t *bytes = arg;

    *bytes += hi - lo;
}

static size_t mprotect_probe_harvest(uintptr_t lo, uintptr_t hi)
{
    size_t bytes = 0;

    (void)mprotect_harvest(lo, hi, mprotect_probe_note, &bytes);
    return bytes;
}

static bool mprotect_probe_unit(uintptr_t lo, uintptr_t hi)
{
    bool works = mprotect_arm(lo, hi) == 0 && mprotect_probe_harvest(lo, hi) == 0;

    *(volatile unsigned char *)lo = 1;
    works = works && mprotect_probe_harvest(lo, hi) == hi - lo;
    mprotect_disarm(lo, hi);
    return works;
}

/* Tracks a unit of its own for a moment. */
static int mprotect_probe(void)
{
    void *base = gcxi_vm_reserve(MPROTECT_UNIT_BYTES, MPROTECT_UNIT_BYTES);
    const uintptr_t lo = (uintptr_t)base;
    bool works = false;

    if (base == NULL)
        return -1;
    if (gcxi_vm_commit(base, MPROTECT_UNIT_BYTES) == 0 &&
        mprotect_prepare(lo, MPROTECT_UNIT_BYTES) == 0) {
        works = mprotect_probe_unit(lo, lo + MPROTECT_UNIT_BYTES);
        mprotect_forget();
    }
    gcxi_vm_unreserve(base, MPROTECT_UNIT_BYTES);
    return works ? 0 : -1;
}

static int mprotect_open(uintptr_t base, size_t bytes)
{
    if (mprotect_state.units != NULL || gcxi_fault_init(mprotect_resolve) < 0)
        return -1;
    if (mprotect_probe() == 0 && mprotect_prepare(base, bytes) == 0)
        return 0;
    gcxi_fault_fini();
    return -1;
}

/* Makes all units writable and forgets their dirt; they stay OURS. */
static void mprotect_release_all(void)
{
    const uintptr_t end = mprotect_state.lo + mprotect_state.armed_bytes;

    if (end <= mprotect_state.lo)
        return;
    mprotect_give_up_locked();
    for (size_t unit = 0; unit < mprotect_unit_end(end); unit++)
        mprotect_change(unit, MPROTECT_DIRTY | MPROTECT_REPORT, 0);
}

static void mprotect_close(void)
{
    sigset_t saved;

    if (mprotect_state.units == NULL)
        return;
    mprotect_lock(&saved);
    mprotect_release_all();
    mprotect_unlock(&saved);
    gcxi_fault_fini();
    mprotect_forget();
}

/* The lock may have been held by a thread that the child does not have. */
static int mprotect_reopen_after_fork(void)
{
    atomic_store_explicit(&mprotect_state.lock, MPROTECT_FREE, memory_order_relaxed);
    gcxi_fault_reset_after_fork();
    mprotect_release_all();
    return 0;
}

/* A signal and a system call; measured. */
static uint64_t mprotect_fault_ns(void)
{
    return 13000u;
}

const struct gcxi_dirty_backend gcxi_dirty_mprotect = {
    .name = "mprotect",
    .open = mprotect_open,
    .close = mprotect_close,
    .reopen_after_fork = mprotect_reopen_after_fork,
    .arm = mprotect_arm,
    .disarm = mprotect_disarm,
    .harvest = mprotect_harvest,
    .harvest_end = mprotect_harvest_end,
    .fault_ns = mprotect_fault_ns,
};
