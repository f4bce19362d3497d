/* server_pprof.c -- the paths of Go's net/http/pprof, and the page's share of them.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diag/telemetry/profile_cpu.h"
#include "diag/telemetry/profile_heap.h"
#include "diag/telemetry/profile_leaks.h"
#include "diag/telemetry/profile_symbol.h"
#include "diag/telemetry/server.h"
#include "diag/telemetry/server_sites.h"
#include "diag/telemetry/server_stats.h"
#include "diag/telemetry/telemetry.h"
#include "os/clock.h"

static void reply_errno(struct gcxi_request *request, const char *what)
{
    gcxi_reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s: %s.", what, strerror(errno));
}

/* ---- Heap ---- */

static bool take_snapshot(struct gcxi_request *request, struct gcxi_profile_snapshot *snapshot)
{
    gcxi_server_attach();
    if (request->query.is_gc)
        gcxi_diag->collect(GCX_FULL);
    bool is_taken = gcxi_profile_snapshot(snapshot);
    int saved_errno = errno;
    gcxi_server_detach();
    errno = saved_errno;
    if (!is_taken)
        reply_errno(request, "Cannot read the samples");
    return is_taken;
}

static bool begin_heap(struct gcxi_request *request)
{
    return take_snapshot(request, &request->before);
}

/* Packs the file, NULL being an error, and destroys it. */
static void reply_file(struct gcxi_request *request, struct gcxi_profile_file *file,
                       const char *name)
{
    struct gcxi_reply *reply = &request->reply;
    size_t bytes = 0;
    void *packed = file != NULL ? gcxi_profile_file_pack(file, &bytes) : NULL;
    if (packed == NULL)
        reply_errno(request, "Cannot make the profile");
    gcxi_profile_file_destroy(file);
    if (packed == NULL)
        return;
    reply->type = GCXI_TYPE_BYTES;
    reply->attachment = name;
    reply->text.bytes = packed;
    reply->text.length = reply->text.capacity = bytes;
}

static void put_file(struct gcxi_request *request, const struct gcxi_profile_snapshot *now,
                     bool by_allocation)
{
    static const char *const names[] = {"heap", "allocs", "heap-delta", "allocs-delta"};
    bool is_delta = request->has_begun;
    uint64_t duration_ns = is_delta ? gcxi_clock_ns() - request->begin_ns : 0;
    struct gcxi_profile_file *file =
        gcxi_profile_heap_file(now, is_delta ? &request->before : NULL, by_allocation, duration_ns);
    reply_file(request, file, names[2 * is_delta + by_allocation]);
}

/* As comments, which readers of the text format skip. */
static void put_frame(struct gcxi_text *text, struct gcxi_profile_symbols *symbols, uintptr_t pc)
{
    struct gcxi_profile_line lines[GCXI_PROFILE_INLINED];
    unsigned count = symbols != NULL ? gcxi_profile_symbols_find(symbols, pc - 1, lines) : 0;
    if (count == 0)
        gcxi_text_format(text, "#\t%#" PRIxPTR "\n", pc);
    for (unsigned i = 0; i < count; i++)
        gcxi_text_format(text, "#\t%#" PRIxPTR "\t%s\t%s:%d\n", pc,
                         lines[i].function != NULL ? lines[i].function : "?",
                         lines[i].file != NULL ? lines[i].file : "?", lines[i].line);
}

static void put_bucket(struct gcxi_text *text, struct gcxi_profile_symbols *symbols,
                       const struct gcxi_profile_snapshot *s, const struct gcxi_profile_bucket *b)
{
    gcxi_text_format(text, "%" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64 "] @", b->inuse,
                     b->inuse * b->slot_bytes, b->allocs, b->allocs * b->slot_bytes);
    for (unsigned i = 0; i < b->depth; i++)
        gcxi_text_format(text, " %#" PRIxPTR, s->pcs[b->stack + i]);
    gcxi_text_add(text, "\n");
    for (unsigned i = 0; i < b->depth; i++)
        put_frame(text, symbols, s->pcs[b->stack + i]);
    gcxi_text_add(text, "\n");
}

static void put_heap_statistics(struct gcxi_text *text)
{
    struct gcx_stats stats;
    gcxi_stats_now(&stats);
    gcxi_text_add(text, "# gcx_stats\n");
    for (size_t i = 0; i < gcxi_stats_field_count; i++)
        gcxi_text_format(text, "# %s = %" PRIu64 "\n", gcxi_stats_fields[i].name,
                         gcxi_stats_value(&stats, &gcxi_stats_fields[i]));
}

/* What was recorded, as Go writes it: readers scale it up. */
static void put_text(struct gcxi_request *request, const struct gcxi_profile_snapshot *s)
{
    struct gcxi_text *text = &request->reply.text;
    struct gcxi_profile_symbols *symbols = gcxi_profile_symbols_open();
    uint64_t inuse = 0, inuse_bytes = 0, allocs = 0, alloc_bytes = 0, rate = 0;
    for (size_t i = 0; i < s->bucket_count; i++) {
        const struct gcxi_profile_bucket *b = &s->buckets[i];
        inuse += b->inuse;
        inuse_bytes += b->inuse * b->slot_bytes;
        allocs += b->allocs;
        alloc_bytes += b->allocs * b->slot_bytes;
        rate = b->rate_bytes;
    }
    gcxi_text_format(text,
                     "heap profile: %" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64
                     "] @ heap/%" PRIu64 "\n",
                     inuse, inuse_bytes, allocs, alloc_bytes, 2 * rate);
    for (size_t i = 0; i < s->bucket_count; i++)
        if (s->buckets[i].allocs != 0)
            put_bucket(text, symbols, s, &s->buckets[i]);
    put_heap_statistics(text);
    gcxi_profile_symbols_close(symbols);
}

static void answer_samples(struct gcxi_request *request, bool by_allocation)
{
    struct gcxi_profile_snapshot now;
    if (!take_snapshot(request, &now))
        return;
    if (request->query.debug != 0)
        put_text(request, &now);
    else
        put_file(request, &now, by_allocation);
    gcxi_profile_snapshot_drop(&now);
}

static void answer_heap(struct gcxi_request *request)
{
    answer_samples(request, false);
}

static void answer_allocs(struct gcxi_request *request)
{
    answer_samples(request, true);
}

static void answer_sites(struct gcxi_request *request)
{
    struct gcxi_profile_snapshot now;
    if (!take_snapshot(request, &now))
        return;
    request->reply.type = GCXI_TYPE_JSON;
    gcxi_sites_json(&request->reply.text, &now);
    gcxi_profile_snapshot_drop(&now);
}

/* ---- Processor time, threads ---- */

static bool begin_cpu(struct gcxi_request *request)
{
    if (gcxi_cpu_begin() == 0)
        return true;
    if (errno == EBUSY)
        gcxi_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                         "Could not enable CPU profiling: one is under way, or the program "
                         "handles SIGPROF itself.");
    else
        reply_errno(request, "Could not enable CPU profiling");
    return false;
}

static void answer_cpu(struct gcxi_request *request)
{
    reply_file(request, gcxi_cpu_end_file(), "profile");
}

static void put_tally(struct gcxi_text *text, const struct gcxi_tally *tally)
{
    struct gcxi_profile_symbols *symbols = gcxi_profile_symbols_open();
    for (size_t i = 0; i < tally->capacity; i++) {
        const struct gcxi_tally_entry *e = &tally->entries[i];
        if (e->count == 0)
            continue;
        gcxi_text_format(text, "%" PRIu64 " @", e->count);
        for (unsigned j = 0; j < e->depth; j++)
            gcxi_text_format(text, " %#" PRIxPTR, tally->pcs[e->first + j]);
        gcxi_text_add(text, "\n");
        for (unsigned j = 0; j < e->depth; j++)
            put_frame(text, symbols, tally->pcs[e->first + j] + (j == 0));
        gcxi_text_add(text, "\n");
    }
    gcxi_profile_symbols_close(symbols);
}

static void put_threads(struct gcxi_request *request)
{
    struct gcxi_tally tally = {0};
    unsigned silent;
    errno = gcxi_threads_tally(&tally, &silent);
    if (errno == 0) {
        gcxi_text_format(&request->reply.text, "%s profile: total %" PRIu64 "\n",
                         strrchr(request->route->path, '/') + 1, tally.total);
        put_tally(&request->reply.text, &tally);
        gcxi_text_format(&request->reply.text, "# %u threads block SIGPROF or did not answer\n",
                         silent);
    } else {
        reply_errno(request, "Cannot ask the threads");
    }
    gcxi_tally_free(&tally);
}

static void answer_threads(struct gcxi_request *request)
{
    if (request->query.debug != 0)
        put_threads(request);
    else
        reply_file(request, gcxi_threads_file(), strrchr(request->route->path, '/') + 1);
}

/* ---- Threads that have leaked ---- */

static void put_leaked_thread(struct gcxi_text *text, struct gcxi_profile_symbols *symbols,
                              const struct gcxi_leaked_thread *t)
{
    if (t->tid != 0)
        gcxi_text_format(text, "thread %d (%s) [leaked], waits for", t->tid, t->name);
    else
        gcxi_text_add(text, "suspended stack [leaked], waits for");
    for (size_t i = 0; i < t->object_count && i < GCXI_LEAK_OBJECTS; i++)
        gcxi_text_format(text, " %#" PRIxPTR, ~t->objects[i]);
    if (t->object_count > GCXI_LEAK_OBJECTS)
        gcxi_text_format(text, " and %zu others", t->object_count - GCXI_LEAK_OBJECTS);
    gcxi_text_add(text, t->object_count == 0 ? " nothing\n" : "\n");
    for (unsigned i = 0; i < t->depth; i++)
        put_frame(text, symbols, t->pcs[i] + (i == 0));
    gcxi_text_add(text, "\n");
}

static void put_leaked_threads(struct gcxi_text *text, const struct gcxi_leaked_threads *leaked)
{
    struct gcxi_profile_symbols *symbols = gcxi_profile_symbols_open();
    for (size_t i = 0; i < leaked->count; i++)
        put_leaked_thread(text, symbols, &leaked->list[i]);
    gcxi_profile_symbols_close(symbols);
}

static void put_leaks(struct gcxi_request *request, const struct gcxi_leaked_threads *leaked,
                      const struct gcxi_tally *tally)
{
    struct gcxi_text *text = &request->reply.text;
    gcxi_text_format(text, "threadleak profile: total %zu\n", leaked->count);
    if (request->query.debug >= 2)
        put_leaked_threads(text, leaked);
    else
        put_tally(text, tally);
}

static void answer_leaks(struct gcxi_request *request)
{
    struct gcxi_leaked_threads leaked = {0};
    struct gcxi_tally tally = {0};
    gcxi_server_attach();
    errno = gcxi_leaked_find(&leaked);
    int error = errno;
    gcxi_server_detach();
    if (error == 0) {
        gcxi_leaked_ask(&leaked);
        gcxi_leaked_tally(&leaked, &tally);
    }
    if (error != 0) {
        errno = error;
        reply_errno(request, "Cannot search for leaked threads");
    } else if (request->query.debug != 0) {
        put_leaks(request, &leaked, &tally);
    } else {
        reply_file(request, gcxi_threads_tally_file(&tally, tally.has_failed ? ENOMEM : 0),
                   "threadleak");
    }
    gcxi_tally_free(&tally);
    gcxi_leaked_free(&leaked);
}

/* ---- Small ones ---- */

static void answer_cmdline(struct gcxi_request *request)
{
    size_t bytes;
    char *line = gcxi_command_line(&bytes);
    gcxi_text_put(&request->reply.text, line, bytes != 0 ? bytes - 1 : 0); /* as Go: between them */
    free(line);
}

/* Addresses are those of instructions, so no 1 is taken off. */
static void put_symbol(struct gcxi_text *text, struct gcxi_profile_symbols *symbols, uintptr_t addr)
{
    struct gcxi_profile_line lines[GCXI_PROFILE_INLINED];
    unsigned count = gcxi_profile_symbols_find(symbols, addr, lines);
    if (count != 0 && lines[count - 1].function != NULL)
        gcxi_text_format(text, "%#" PRIxPTR " %s\n", addr, lines[count - 1].function);
}

/* "0x401000+0x402000", in the body or as the query, where '+' reads as ' '. The
 * first line says that there are symbols; how many does not matter to readers. */
static void answer_symbol(struct gcxi_request *request)
{
    struct gcxi_text *text = &request->reply.text;
    struct gcxi_profile_symbols *symbols = gcxi_profile_symbols_open();
    gcxi_text_put(&request->body, "", 1);
    const char *at = request->bare != NULL ? request->bare : "";
    if (request->body.length > 1)
        at = request->body.bytes;
    gcxi_text_format(text, "num_symbols: %d\n", symbols != NULL);
    while (symbols != NULL && *at != '\0' && !request->body.has_failed) {
        char *end;
        uintptr_t addr = (uintptr_t)strtoull(at, &end, 0);
        if (end == at)
            break;
        put_symbol(text, symbols, addr);
        at = *end != '\0' ? end + 1 : end;
    }
    gcxi_profile_symbols_close(symbols);
}

/* ---- The index ---- */

struct entry {
    const char *name;
    const char *meaning;
    bool is_file;
};

static const struct entry entries[] = {
    {"allocs", "where memory was allocated, ever", false},
    {"cmdline", "the arguments of the program", false},
    {"goroutine", "where the threads are, as Go's tools ask for it", false},
    {"heap", "where the memory was allocated that is in use; gc=1 collects first", false},
    {"profile", "where processor time goes, for 30 seconds or seconds=N; a file", true},
    {"symbol", "names of functions for addresses", false},
    {"threadcreate", "where the threads are", false},
    {"threadleak", "where threads wait for what cannot come; debug=2 shows each", false},
};

static void answer_index(struct gcxi_request *request)
{
    struct gcxi_text *text = &request->reply.text;
    request->reply.type = GCXI_TYPE_HTML;
    gcxi_text_add(text, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<title>/debug/pprof/</title></head><body>\n<h1>/debug/pprof/</h1>\n"
                        "<p>Set <code>debug=1</code> for text, <code>seconds=N</code> for what "
                        "happens meanwhile.</p>\n<table>\n<thead><tr><th scope=\"col\">Profile</th>"
                        "<th scope=\"col\">What it says</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        gcxi_text_format(text,
                         "<tr><td><a href=\"/debug/pprof/%s%s\">%s</a></td><td>%s</td>"
                         "</tr>\n",
                         entries[i].name, entries[i].is_file ? "" : "?debug=1", entries[i].name,
                         entries[i].meaning);
    gcxi_text_add(text, "</tbody></table>\n<p><a href=\"/\">Live charts</a></p>\n</body></html>\n");
}

#define PROFILE (GCXI_DEBUG | GCXI_GC | GCXI_SECONDS)

const struct gcxi_route gcxi_pprof_routes[] = {
    {"/debug/pprof", GCXI_GET, PROFILE, false, NULL, answer_index, 0},
    {"/debug/pprof/", GCXI_GET, PROFILE, false, NULL, answer_index, 0},
    {"/debug/pprof/heap", GCXI_GET, PROFILE, true, begin_heap, answer_heap, 0},
    {"/debug/pprof/allocs", GCXI_GET, PROFILE, true, begin_heap, answer_allocs, 0},
    {"/debug/pprof/profile", GCXI_GET, GCXI_SECONDS, true, begin_cpu, answer_cpu, 30},
    {"/debug/pprof/goroutine", GCXI_GET, GCXI_DEBUG, true, NULL, answer_threads, 0},
    {"/debug/pprof/threadcreate", GCXI_GET, GCXI_DEBUG, true, NULL, answer_threads, 0},
    {"/debug/pprof/threadleak", GCXI_GET, GCXI_DEBUG, true, NULL, answer_leaks, 0},
    {"/debug/pprof/cmdline", GCXI_GET, PROFILE, false, NULL, answer_cmdline, 0},
    {"/debug/pprof/symbol", GCXI_GET | GCXI_POST, GCXI_ANY, true, NULL, answer_symbol, 0},
    {"/debug/gcx/sites", GCXI_GET, GCXI_GC, true, NULL, answer_sites, 0},
    {NULL, 0, 0, false, NULL, NULL, 0},
};
