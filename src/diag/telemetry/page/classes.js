// classes.js -- how full the blocks of each slot size are. Asked for only while
// one can see it: each time the program looks at all its blocks.

import { $, ask, bytes, count, make } from "./base.js";
import { known, rowsOf } from "./known.js";

const EVERY_MS = 2000;

// The bar is as long as the class is large, and filled as far as it is live.
function bar(c, largest) {
  const live = make("span", { class: "live" }), all = make("span", { class: "all" }, live);
  all.style.width = `${100 * c.heap_bytes / largest}%`;
  live.style.width = `${c.heap_bytes ? Math.min(100, 100 * c.live_bytes / c.heap_bytes) : 0}%`;
  return make("td", { class: "bar", "aria-hidden": "true" }, all);
}

const number = (text) => make("td", { class: "number" }, text);

function row(c, largest) {
  const size = c.slot_bytes ? bytes(c.slot_bytes) : "large";
  return make("tr", {}, make("th", { scope: "row", class: "number" }, size), make("td", { class: "sort" }, c.is_noscan ? "no pointers" : "scanned"),
    number(count(c.blocks)), number(bytes(c.heap_bytes)), number(count(c.live_objects)), number(bytes(c.live_bytes)),
    number(count(c.other_slots)), number(`${Math.round(100 * c.live_bytes / c.heap_bytes)} %`), bar(c, largest));
}

function draw(classes) {
  const largest = Math.max(...classes.map((c) => c.heap_bytes));
  const sum = (name) => classes.reduce((n, c) => n + c[name], 0);
  $("classes").tBodies[0].replaceChildren(...classes.map((c) => row(c, largest)));
  $("classes").hidden = classes.length === 0;
  $("classes-note").textContent = `Of ${bytes(sum("heap_bytes"))} in blocks the last cycle kept ${bytes(sum("live_bytes"))}; `
    + "the other slots are free, or were given out since.";
}

let isInView = false;

async function poll() {
  try {
    if (isInView && !document.hidden && !known.held) draw(rowsOf(await ask("/debug/gcx/classes")));
  } catch { /* page.js tells when the program does not answer */ }
  setTimeout(poll, EVERY_MS);
}

export function classesMake() {
  new IntersectionObserver((entries) => {
    isInView = entries[entries.length - 1].isIntersecting;
  }).observe($("classes-title").parentElement);
  poll();
}
