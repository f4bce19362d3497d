// page.js -- asks the program how it is, and has the answers drawn. No library, no
// outside resource.

import { $, ask, bytes, count, make, rate, say, time } from "./base.js";
import { chartsDraw, chartsMake } from "./charts.js";
import { classesMake } from "./classes.js";
import { known, lastOf, take } from "./known.js";
import { sitesMake } from "./sites.js";

const POLL_MS = 500;

// ---- Title and tiles ----

function drawTitle(live) {
  const program = (live.cmdline[0] || "program").split("/").pop();
  $("program").textContent = live.cmdline.length > 1 ? `${program} ${live.cmdline.slice(1).join(" ")}` : program;
  document.title = `${program} – libgcx`;
  $("about").textContent = `process ${live.pid}, libgcx ${live.version}, writes found by ${live.stats.dirty_backend}`;
}

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

function drawTiles() {
  const list = $("tiles");
  if (!list.children.length)
    for (const [title] of TILES) list.append(make("div", {}, make("dt", {}, title), make("dd", {})));
  TILES.forEach(([, value], i) => { list.children[i].lastChild.textContent = value(known.stats); });
}

// ---- Asking and collecting ----

function draw() {
  if (known.held || !known.stats) return;
  drawTiles();
  chartsDraw();
}

let isLost = false;

async function poll() {
  try {
    if (!document.hidden) {
      const live = await ask(`/debug/gcx/live?since=${known.next}`);
      take(live);
      drawTitle(live);
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
    say(`A ${kind} cycle was run, its last stop took ${time(after.pause_last_ns)}; live were ${bytes(before)}, are ${bytes(after.live_bytes)}.`);
  } catch (error) {
    say(`Nothing was collected: ${error.message}`, true);
  }
  button.disabled = false;
  button.focus();
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
  chartsMake();
  classesMake();
  sitesMake();
  $("theme").addEventListener("click", toggleTheme);
  $("collect-full").addEventListener("click", (e) => collect("full", e.currentTarget));
  $("collect-minor").addEventListener("click", (e) => collect("minor", e.currentTarget));
  $("pause").addEventListener("click", () => {
    known.held = !known.held;
    $("pause").setAttribute("aria-pressed", String(known.held));
  });
  $("pprof-line").textContent = `go tool pprof ${location.origin}/debug/pprof/heap`;
  poll();
}

begin();
