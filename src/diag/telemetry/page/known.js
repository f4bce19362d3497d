// known.js -- the samples and pauses of the last five minutes, and what follows
// from them.

export const WINDOW_MS = 5 * 60 * 1000;

export const known = { samples: [], pauses: [], next: 0, stats: null, pid: 0, held: false };

// {columns, rows} as objects.
export function rowsOf(table) {
  return table.rows.map((row) => Object.fromEntries(table.columns.map((name, i) => [name, row[i]])));
}

function takeRows(table, into) {
  for (const item of rowsOf(table))
    if (into.length === 0 || item.at_ms > into[into.length - 1].at_ms) into.push(item);
}

function deltas(from) {
  for (let i = Math.max(1, from); i < known.samples.length; i++) {
    const a = known.samples[i - 1], b = known.samples[i];
    const s = Math.max(1e-3, (b.at_ms - a.at_ms) / 1000);
    b.alloc_rate = Math.max(0, b.total_alloc_bytes - a.total_alloc_bytes) / s;
    b.object_rate = Math.max(0, b.total_allocs - a.total_allocs) / s;
    b.minor_rate = (b.minor_cycles - a.minor_cycles) / s;
    b.full_rate = (b.full_cycles - a.full_cycles) / s;
    b.stopped_share = 100 * (b.pause_total_ns - a.pause_total_ns) / 1e9 / s;
  }
}

export function take(live) {
  if (known.pid !== live.pid) Object.assign(known, { samples: [], pauses: [], next: 0, pid: live.pid });
  const before = known.samples.length;
  takeRows(live.samples, known.samples);
  takeRows(live.pauses, known.pauses);
  deltas(before);
  known.next = live.samples.next;
  known.stats = live.stats;
  const last = known.samples.length ? known.samples[known.samples.length - 1].at_ms : 0;
  known.samples = known.samples.filter((s) => s.at_ms > last - WINDOW_MS);
  known.pauses = known.pauses.filter((p) => p.at_ms > last - WINDOW_MS);
}

export function lastOf(name) {
  const s = known.samples[known.samples.length - 1];
  return s && s[name] !== undefined ? s[name] : 0;
}
