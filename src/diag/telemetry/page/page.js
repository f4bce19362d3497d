// page.js -- asks the program how it is and draws the answers. No library, no
// outside resource; all text goes into the page as text.
"use strict";

const WINDOW_MS = 5 * 60 * 1000;
const POLL_MS = 500;
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// ---- Numbers as people read them ----

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; Math.abs(n) >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${i === 0 || Math.abs(n) >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

function count(n) {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} G`;
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)} M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(1)} k`;
  return Number.isInteger(n) ? String(n) : n.toFixed(1);
}

function time(ns) {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(2)} ms`;
  return `${(ns / 1e3).toFixed(0)} µs`;
}

const rate = (n) => `${bytes(n)}/s`;
const perSecond = (n) => `${count(n)}/s`;

// ---- Elements ----

function make(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function svg(name, attributes) {
  const e = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

// ---- What is known ----

const known = { samples: [], pauses: [], next: 0, stats: null, pid: 0, held: false };

function takeRows(table, into, key) {
  for (const row of table.rows) {
    const item = Object.fromEntries(table.columns.map((name, i) => [name, row[i]]));
    if (into.length === 0 || item[key] > into[into.length - 1][key]) into.push(item);
  }
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

function take(live) {
  if (known.pid !== live.pid) Object.assign(known, { samples: [], pauses: [], next: 0, pid: live.pid });
  const before = known.samples.length;
  takeRows(live.samples, known.samples, "at_ms");
  takeRows(live.pauses, known.pauses, "number");
  deltas(before);
  known.next = live.samples.next;
  known.stats = live.stats;
  const last = known.samples.length ? known.samples[known.samples.length - 1].at_ms : 0;
  known.samples = known.samples.filter((s) => s.at_ms > last - WINDOW_MS);
  known.pauses = known.pauses.filter((p) => p.at_ms > last - WINDOW_MS);
  const program = (live.cmdline[0] || "program").split("/").pop();
  $("program").textContent = live.cmdline.length > 1 ? `${program} ${live.cmdline.slice(1).join(" ")}` : program;
  document.title = `${program} – libgcx`;
  $("about").textContent = `process ${live.pid}, libgcx ${live.version}, writes found by ${live.stats.dirty_backend}`;
}

// ---- Tiles ----

const TILES = [
  ["Live", (s) => bytes(s.live_bytes)],
  ["Heap", (s) => bytes(s.heap_bytes)],
  ["Goal", (s) => bytes(s.goal_bytes)],
  ["Allocation", () => rate(lastOf("alloc_rate"))],
  ["Allocated ever", (s) => bytes(s.total_alloc_bytes)],
  ["Minor cycles", (s) => count(s.minor_cycles)],
  ["Full cycles", (s) => count(s.full_cycles)],
  ["Last pause", (s) => time(s.pause_last_ns)],
  ["Longest pause", (s) => time(s.pause_max_ns)],
  ["Threads", (s) => count(s.threads)],
];

function lastOf(name) {
  const s = known.samples[known.samples.length - 1];
  return s && s[name] !== undefined ? s[name] : 0;
}

function drawTiles() {
  const list = $("tiles");
  if (!list.children.length)
    for (const [title] of TILES) list.append(make("div", {}, make("dt", {}, title), make("dd", {})));
  TILES.forEach(([, value], i) => { list.children[i].lastChild.textContent = value(known.stats); });
}

// ---- Charts ----

const HEIGHT = 176, LEFT = 64, BOTTOM = 20, TOP = 8;

const CHARTS = [
  { title: "Memory", id: "memory", format: bytes, lines: [["heap", "heap_bytes", "a"], ["goal", "goal_bytes", "b"], ["live", "live_bytes", "c"]] },
  { title: "Pauses", id: "pauses", format: time, dots: true },
  { title: "Allocation", id: "allocation", format: rate, lines: [["bytes", "alloc_rate", "a"]] },
  { title: "Cycles per second", id: "cycles", format: perSecond, lines: [["minor", "minor_rate", "a"], ["full", "full_rate", "b"]] },
  { title: "Time stopped", id: "stopped", format: (n) => `${n.toFixed(1)} %`, lines: [["of all time", "stopped_share", "a"]] },
  { title: "Threads", id: "threads", format: (n) => count(Math.round(n * 10) / 10), lines: [["registered", "threads", "a"]] },
];

function niceTop(max) {
  if (!(max > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 2, 2.5, 5, 10].map((m) => m * power).find((n) => n >= max);
}

function niceBytes(max) {
  let unit = 1;
  while (unit * 1024 <= max) unit *= 1024;
  return unit * niceTop(max / unit);
}

function chartMake(chart) {
  const key = chart.dots ? [["minor", "a"], ["full", "b"]] : chart.lines.map(([name, , c]) => [name, c]);
  const caption = make("figcaption", {}, make("span", {}, chart.title),
    ...key.map(([name, c]) => make("span", { class: `key ${c}` }, name)));
  chart.svg = svg("svg", { role: "img", tabindex: "0", id: `chart-${chart.id}`, "aria-label": chart.title });
  chart.readout = make("div", { class: "readout", "aria-live": "off" });
  $("charts").append(make("figure", {}, caption, chart.svg, chart.readout));
  chart.svg.addEventListener("keydown", (e) => chartKey(chart, e));
  chart.svg.addEventListener("pointermove", (e) => {
    const box = chart.svg.getBoundingClientRect();
    chart.cursor = known.samples.length - 1 - Math.round((1 - (e.clientX - box.left - LEFT) / (box.width - LEFT)) * (known.samples.length - 1));
    chartDraw(chart);
  });
  chart.svg.addEventListener("pointerleave", () => { chart.cursor = undefined; chartDraw(chart); });
  chart.svg.addEventListener("blur", () => { chart.cursor = undefined; chart.readout.setAttribute("aria-live", "off"); chartDraw(chart); });
}

function chartKey(chart, event) {
  const last = known.samples.length - 1;
  const at = chart.cursor === undefined ? last : chart.cursor;
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 20, PageDown: at + 20, Home: 0, End: last }[event.key];
  if (event.key === "Escape") chart.cursor = undefined;
  else if (to === undefined) return;
  else chart.cursor = Math.min(last, Math.max(0, to));
  event.preventDefault();
  chart.readout.setAttribute("aria-live", "polite");
  chartDraw(chart);
}

function scales(max, width) {
  const s = known.samples;
  const end = s.length ? s[s.length - 1].at_ms : Date.now();
  const begin = Math.max(end - WINDOW_MS, Math.min(s.length ? s[0].at_ms : end, end - 10000));
  return {
    begin, end, width,
    x: (ms) => LEFT + (width - LEFT - 4) * (ms - begin) / (end - begin),
    y: (v) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(1, v / max)),
  };
}

function chartGrid(chart, max, at) {
  for (const share of [0, 0.5, 1]) {
    const y = at.y(max * share);
    chart.svg.append(svg("line", { class: "grid", x1: LEFT, x2: at.width, y1: y, y2: y }));
    const text = svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" });
    text.textContent = chart.format(max * share);
    chart.svg.append(text);
  }
  const seconds = Math.round((at.end - at.begin) / 1000);
  for (const [x, anchor, label] of [[LEFT, "start", `−${seconds} s`], [at.width - 4, "end", "now"]]) {
    const text = svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor });
    text.textContent = label;
    chart.svg.append(text);
  }
}

function chartDots(chart, at) {
  for (const p of known.pauses) {
    if (p.at_ms < at.begin || p.at_ms > at.end) continue;
    const x = at.x(p.at_ms), y = at.y(p.pause_ns);
    chart.svg.append(p.is_full ? svg("rect", { class: "dot b", x: x - 3.5, y: y - 3.5, width: 7, height: 7 })
      : svg("circle", { class: "dot a", cx: x, cy: y, r: 2.5 }));
  }
}

function chartLines(chart, at) {
  for (const [, column, c] of chart.lines) {
    const points = known.samples.filter((s) => s[column] !== undefined);
    const d = points.map((s, i) => `${i ? "L" : "M"}${at.x(s.at_ms).toFixed(1)} ${at.y(s[column]).toFixed(1)}`).join("");
    if (d) chart.svg.append(svg("path", { class: c, d }));
  }
}

function chartSay(chart, sample, at) {
  if (chart.dots) {
    const near = known.pauses.filter((p) => Math.abs(p.at_ms - sample.at_ms) <= 1500);
    const longest = near.reduce((m, p) => Math.max(m, p.pause_ns), 0);
    return near.length ? `${near.length} pauses around then, the longest ${time(longest)}` : "no pause around then";
  }
  return chart.lines.map(([name, column]) => `${name} ${chart.format(sample[column] || 0)}`).join(", ") + ` (${((at.end - sample.at_ms) / 1000).toFixed(0)} s ago)`;
}

function chartDraw(chart) {
  const values = chart.dots ? known.pauses.map((p) => p.pause_ns)
    : chart.lines.flatMap(([, column]) => known.samples.map((s) => s[column] || 0));
  const most = values.reduce((m, v) => Math.max(m, v), 0);
  const max = chart.format === bytes || chart.format === rate ? niceBytes(most) : niceTop(most);
  const width = Math.max(200, chart.svg.clientWidth);
  const at = scales(max, width);
  chart.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  chart.svg.replaceChildren();
  chartGrid(chart, max, at);
  if (chart.dots) chartDots(chart, at);
  else chartLines(chart, at);
  const last = known.samples[known.samples.length - 1];
  const sample = known.samples[Math.max(0, chart.cursor)] || last;
  if (!sample) return;
  if (chart.cursor !== undefined)
    chart.svg.append(svg("line", { class: "cursor", x1: at.x(sample.at_ms), x2: at.x(sample.at_ms), y1: TOP, y2: HEIGHT - BOTTOM }));
  const text = chartSay(chart, sample, at);
  chart.readout.textContent = chart.cursor !== undefined ? text : "";
  chart.svg.setAttribute("aria-label", `${chart.title}: ${chart.cursor === undefined && !chart.dots ? "now " : ""}${text}`);
}

function draw() {
  if (known.held || !known.stats) return;
  drawTiles();
  CHARTS.forEach(chartDraw);
}

// ---- Asking ----

function say(text, isBad) {
  const state = $("state");
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("bad", Boolean(isBad));
}

async function ask(path, options) {
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

let isLost = false;

async function poll() {
  try {
    if (!document.hidden) {
      take(await ask(`/debug/gcx/live?since=${known.next}`));
      if (isLost) say("The program answers again.");
      isLost = false;
      draw();
    }
  } catch (error) {
    if (!isLost) say(`The program does not answer: ${error.message}`, true);
    isLost = true;
  }
  setTimeout(poll, isLost ? 2000 : POLL_MS);
}

async function collect(kind, button) {
  button.disabled = true;
  const before = known.stats ? known.stats.live_bytes : 0;
  try {
    const after = await ask(`/debug/gcx/collect?kind=${kind}`, { method: "POST" });
    say(`A ${kind} cycle took ${time(after.pause_last_ns)}; live were ${bytes(before)}, are ${bytes(after.live_bytes)}.`);
  } catch (error) {
    say(`Nothing was collected: ${error.message}`, true);
  }
  button.disabled = false;
  button.focus();
}

// ---- Sites and flame graph ----

const INTERNAL = /^(gcx_(detail_\w+|alloc\w*|calloc|realloc|strdup|strndup|memdup|v?asprintf)|gcxi_\w+)$/;
let profile = null, root = null, top_ = null;

// Frames from the outermost on, inlined ones expanded.
function framesOf(stack) {
  const frames = [];
  for (const l of stack[4]) for (const line of profile.locations[l]) frames.push(line);
  while (frames.length > 1 && INTERNAL.test(frames[0][0])) frames.shift();
  return frames.reverse();
}

function grow(which) {
  const node = (name, place, parent) => ({ name, place, parent, value: 0, children: new Map() });
  root = node("all", "", null);
  const leaves = new Map();
  for (const stack of profile.stacks) {
    const frames = framesOf(stack), value = stack[which];
    if (!(value > 0)) continue;
    let at = root;
    at.value += value;
    for (const [name, file] of frames) {
      if (!at.children.has(name)) at.children.set(name, node(name, file, at));
      at = at.children.get(name);
      at.value += value;
    }
    const [name, file, line] = frames[frames.length - 1] || ["?", "", 0];
    const key = `${name}\n${file}\n${line}`;
    leaves.set(key, (leaves.get(key) || 0) + value);
  }
  return leaves;
}

const format = () => (Number($("sites-value").value) % 2 === 0 ? bytes : (n) => count(Math.round(n)));

function describe(node) {
  const share = root.value ? 100 * node.value / root.value : 0;
  return `${node.name}: ${format()(node.value)}, ${share.toFixed(1)} %${node.place ? `, ${node.place}` : ""}`;
}

function placeNode(node, depth, left, width, box) {
  if (width < 0.004) return depth;
  const item = make("div", { role: "treeitem", tabindex: "-1", "aria-level": depth + 1, "aria-label": describe(node), title: describe(node) }, node.name);
  let hash = 0;
  for (const c of node.name) hash = (hash * 31 + c.charCodeAt(0)) >>> 0;
  item.classList.add(`t${hash % 4}`);
  item.style.left = `${100 * left}%`;
  item.style.width = `${100 * width}%`;
  item.style.top = `${depth * 1.4}rem`;
  item.node = node;
  node.item = item;
  box.append(item);
  let deepest = depth, at = left;
  for (const child of [...node.children.values()].sort((a, b) => b.value - a.value)) {
    const share = width * child.value / node.value;
    deepest = Math.max(deepest, placeNode(child, depth + 1, at, share, box));
    at += share;
  }
  return deepest;
}

function zoom(node) {
  const box = $("flame");
  top_ = node;
  box.replaceChildren();
  $("flame-reset").disabled = node === root;
  if (!(node.value > 0)) { box.style.height = "0"; return; }
  const depth = placeNode(node, 0, 0, 1, box);
  box.style.height = `${(depth + 1) * 1.4}rem`;
  node.item.tabIndex = 0;
}

function flameKey(event) {
  const node = event.target.node;
  if (!node) return;
  const siblings = node === top_ ? [node] : [...node.parent.children.values()].filter((n) => n.item && n.item.isConnected).sort((a, b) => b.value - a.value);
  const children = [...node.children.values()].filter((n) => n.item && n.item.isConnected).sort((a, b) => b.value - a.value);
  const i = siblings.indexOf(node);
  const to = { ArrowDown: children[0], ArrowUp: node === top_ ? null : node.parent, ArrowRight: siblings[i + 1], ArrowLeft: siblings[i - 1], Home: top_ }[event.key];
  if (event.key === "Enter" || event.key === " ") { zoom(node); node.item.focus(); }
  else if (event.key === "Escape") { zoom(root); root.item.focus(); }
  else if (to) { node.item.tabIndex = -1; to.item.tabIndex = 0; to.item.focus(); }
  else if (!event.key.startsWith("Arrow")) return;
  event.preventDefault();
}

function drawSites() {
  const leaves = grow(Number($("sites-value").value));
  zoom(root);
  const body = $("sites").tBodies[0];
  const rows = [...leaves].sort((a, b) => b[1] - a[1]).slice(0, 20).map(([key, value]) => {
    const [name, file, line] = key.split("\n");
    const place = file ? `${file.split("/").slice(-2).join("/")}:${line}` : "";
    return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, place), make("td", { class: "number" }, format()(value)),
      make("td", { class: "number" }, `${(100 * value / root.value).toFixed(1)} %`));
  });
  body.replaceChildren(...rows);
  $("sites").hidden = rows.length === 0;
  $("sites-note").textContent = rows.length === 0 ? "No allocation has been sampled and seen by a cycle yet."
    : `Estimates from samples, as of the last cycle. In all ${format()(root.value)}.` + (profile.left_out ? ` ${profile.left_out} small ones are left out.` : "");
}

async function loadSites() {
  const button = $("sites-load");
  button.disabled = true;
  try {
    profile = await ask("/debug/gcx/sites?gc=1");
    drawSites();
    say("A heap profile was taken.");
  } catch (error) {
    say(`There is no heap profile: ${error.message}`, true);
  }
  button.disabled = false;
}

// ---- Theme ----

function theme(value) {
  document.documentElement.dataset.theme = value;
  $("theme").textContent = value === "dark" ? "Light" : "Dark";
}

function stored() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

function toggleTheme() {
  const value = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  theme(value);
  try { localStorage.setItem("theme", value); } catch { /* it is not kept then */ }
}

// ---- Begin ----

function begin() {
  theme(stored() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  CHARTS.forEach(chartMake);
  $("theme").addEventListener("click", toggleTheme);
  $("collect-full").addEventListener("click", (e) => collect("full", e.currentTarget));
  $("collect-minor").addEventListener("click", (e) => collect("minor", e.currentTarget));
  $("pause").addEventListener("click", () => {
    known.held = !known.held;
    $("pause").setAttribute("aria-pressed", String(known.held));
  });
  $("sites-load").addEventListener("click", loadSites);
  $("sites-value").addEventListener("change", () => { if (profile) drawSites(); });
  $("flame-reset").addEventListener("click", () => zoom(root));
  $("flame").addEventListener("keydown", flameKey);
  $("flame").addEventListener("click", (e) => { if (e.target.node) { zoom(e.target.node); e.target.node.item.focus(); } });
  $("flame").addEventListener("focusin", (e) => { if (e.target.node) $("flame-detail").textContent = describe(e.target.node); });
  $("flame").addEventListener("pointerover", (e) => { if (e.target.node) $("flame-detail").textContent = describe(e.target.node); });
  $("pprof-line").textContent = `go tool pprof ${location.origin}/debug/pprof/heap`;
  poll();
}

begin();
