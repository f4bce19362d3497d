/* scope_report.c -- see scope_report.h.
 *
 *   born --end of its scope--> old: escaped
 *     |            |---------> given up: died
 *     |            '---------> waits --cycle--> object: escaped, else died
 *     '--cycle, no object any more--> died
 *
 * While the report is on every allocation takes the slow path, so that each object
 * is known. An entry holds the complement of an address: it keeps nothing alive.
 *
 * Locking: report_lock, taken in critical sections only, so that nobody holds it
 * while the world is stopped.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/scope_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/lock.h"
#include "gc/hooks.h"
#include "heap/chain.h"
#include "os/module.h"
#include "os/vm.h"

#define SITES 4096u
#define ENTRIES (UINT32_C(1) << 20)

struct report_site {
    const char *text; /* or NULL: code */
    const void *code;
    size_t bytes; /* of the largest */
    uint64_t count;
    uint64_t escaped;
    const char *seen_from; /* the scope that one outlived; NULL: none did */
};

struct report_entry {
    uintptr_t hidden;  /* complement of the address; 0: decided */
    uint64_t serial;   /* of its scope; 0: over */
    const char *scope; /* where that began, once it is over */
    uint32_t site;
};

struct report {
    struct report_site sites[SITES];
    struct report_entry entries[ENTRIES];
};

bool gcxi_scope_reports;

static struct report *report;
static uint32_t entry_count;
static uint64_t lost_count; /* for which there was no room */
static struct gcxi_lock report_lock = GCXI_LOCK_INIT(GCXI_RANK_WORK);

/* ---- Sites and entries ---- */

/* The site's place, or SITES if the table is full. */
static uint32_t site_index(const char *text, const void *code)
{
    uintptr_t key = (uintptr_t)text ^ (uintptr_t)code;
    uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 52);
    for (uint32_t i = 0; i < SITES; i++, at = (at + 1) % SITES) {
        struct report_site *site = &report->sites[at];
        if (site->count == 0) {
            site->text = text;
            site->code = code;
        }
        if (site->count == 0 || (site->text == text && site->code == code))
            return at;
    }
    return SITES;
}

static void decide(struct report_entry *entry, bool does_escape)
{
    struct report_site *site = &report->sites[entry->site];
    entry->hidden = 0;
    if (!does_escape)
        return;
    site->escaped++;
    site->seen_from = entry->scope;
}

static bool is_object(const struct report_entry *entry)
{
    uint32_t slot;
    return gcxi_find_object(~entry->hidden, &slot) != NULL;
}

static bool is_old(const struct report_entry *entry)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_slot(~entry->hidden, &slot);
    return block != NULL && gcxi_mark_is_old(block->marks[slot]);
}

/* ---- What happens to objects ---- */

void gcxi_scope_report_born(const void *object, size_t bytes, uint64_t serial, const char *text,
                            const void *code)
{
    gcxi_lock(&report_lock);
    uint32_t site = site_index(text, text != NULL ? NULL : code);
    if (site == SITES || entry_count == ENTRIES) {
        lost_count++;
    } else {
        report->sites[site].count++;
        report->sites[site].bytes = gcxi_max(report->sites[site].bytes, bytes);
        report->entries[entry_count++] =
            (struct report_entry){~(uintptr_t)object, serial, "", site};
    }
    gcxi_unlock(&report_lock);
}

static void end_entry(struct report_entry *entry, bool is_gone, const char *site)
{
    bool is_scoped = gcxi_kind_is_scoped(gcxi_map.kind[gcxi_addr_unit(~entry->hidden)]);
    entry->serial = 0;
    entry->scope = site;
    if (is_scoped && is_old(entry))
        decide(entry, true);
    else if (is_scoped && is_gone)
        decide(entry, false);
}

void gcxi_scope_report_end(uint64_t serial, bool is_gone, const char *site)
{
    gcxi_lock(&report_lock);
    for (uint32_t i = 0; i < entry_count; i++)
        if (report->entries[i].hidden != 0 && report->entries[i].serial == serial)
            end_entry(&report->entries[i], is_gone, site);
    while (entry_count > 0 && report->entries[entry_count - 1].hidden == 0)
        entry_count--;
    gcxi_unlock(&report_lock);
}

static void end_stw(enum gcx_cycle kind)
{
    uint32_t kept = 0;
    (void)kind;
    for (uint32_t i = 0; i < entry_count; i++) {
        struct report_entry *entry = &report->entries[i];
        if (entry->hidden != 0 && !is_object(entry))
            decide(entry, false);
        else if (entry->hidden != 0 && entry->serial == 0)
            decide(entry, true);
        if (entry->hidden != 0)
            report->entries[kept++] = *entry;
    }
    entry_count = kept;
}

/* ---- Printing ---- */

static void print_site(const struct report_site *site)
{
    if (site->text != NULL) {
        fprintf(stderr, "%s", site->text);
    } else {
        struct gcxi_code code = gcxi_module_code(site->code);
        fprintf(stderr, "%s+0x%zx", code.module, code.offset);
    }
    fprintf(stderr, ": %zu bytes x %llu: ", site->bytes, (unsigned long long)site->count);
    if (site->escaped != 0)
        fprintf(stderr, "escapes to heap (%llu of them, seen from the end of the scope at %s)\n",
                (unsigned long long)site->escaped, site->seen_from);
    else
        fprintf(stderr, "does not escape%s\n",
                site->text != NULL ? "" : ", without a hint: could be in its scope");
}

/* A last cycle decides what waits. */
static void print(void)
{
    gcx_collect(GCX_MINOR);
    for (uint32_t i = 0; i < SITES; i++)
        if (report->sites[i].count != 0)
            print_site(&report->sites[i]);
    if (lost_count != 0)
        fprintf(stderr, "%llu objects were too many to follow\n", (unsigned long long)lost_count);
}

int gcxi_scope_report_init(void)
{
    static struct gcx_detail_cycle_hook hook = {NULL, end_stw, NULL, NULL};
    if (report != NULL)
        return 0;
    report = gcxi_vm_map(sizeof *report);
    if (report == NULL)
        return -1;
    gcxi_hooks_add(&hook);
    gcxi_lane_one_slot = true;
    gcxi_scope_reports = true;
    atexit(print);
    return 0;
}

void gcxi_scope_report_reset_after_fork(void)
{
    gcxi_lock_reset_after_fork(&report_lock);
}
