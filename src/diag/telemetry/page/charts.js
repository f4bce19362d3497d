// charts.js -- a line chart for each number over time. One that has the focus is
// read with the keyboard.

import { $, bytes, count, make, perSecond, rate, svg, time } from "./base.js";
import { known, WINDOW_MS } from "./known.js";

const HEIGHT = 176, LEFT = 64, BOTTOM = 20, TOP = 8;

const CHARTS = [
  { title: "Memory", id: "memory", format: bytes, lines: [["heap", "heap_bytes", "a"], ["goal", "goal_bytes", "b"], ["live", "live_bytes", "c"]] },
  { title: "Pauses", id: "pauses", format: time, dots: true, lines: [["longest in half a second", "longest_pause_ns", "c"]] },
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
  const key = [...chart.dots ? [["minor", "a"], ["full", "b"]] : [], ...chart.lines.map(([name, , c]) => [name, c])];
  const caption = make("figcaption", {}, make("span", {}, chart.title),
    ...key.map(([name, c]) => make("span", { class: `key ${c}` }, name)));
  chart.svg = svg("svg", { role: "img", tabindex: "0", id: `chart-${chart.id}`, "aria-label": chart.title });
  chart.readout = make("div", { class: "readout", "aria-live": "off" });
  $("charts").append(make("figure", {}, caption, chart.svg, chart.readout));
  new ResizeObserver(() => chartDraw(chart)).observe(chart.svg);
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

// Single pauses: of the last ones only, so the line says how it was before.
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
  return chart.lines.map(([name, column]) => `${name} ${chart.format(sample[column] || 0)}`).join(", ") + ` (${((at.end - sample.at_ms) / 1000).toFixed(0)} s ago)`;
}

function chartDraw(chart) {
  const most = chart.lines.flatMap(([, column]) => known.samples.map((s) => s[column] || 0)).reduce((m, v) => Math.max(m, v), 0);
  const max = chart.format === bytes || chart.format === rate ? niceBytes(most) : niceTop(most);
  const width = Math.max(200, chart.svg.clientWidth);
  const at = scales(max, width);
  chart.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  chart.svg.replaceChildren();
  chartGrid(chart, max, at);
  chartLines(chart, at);
  if (chart.dots) chartDots(chart, at);
  const last = known.samples[known.samples.length - 1];
  const sample = known.samples[Math.max(0, chart.cursor)] || last;
  if (!sample) return;
  if (chart.cursor !== undefined)
    chart.svg.append(svg("line", { class: "cursor", x1: at.x(sample.at_ms), x2: at.x(sample.at_ms), y1: TOP, y2: HEIGHT - BOTTOM }));
  const text = chartSay(chart, sample, at);
  chart.readout.textContent = chart.cursor !== undefined ? text : "";
  chart.svg.setAttribute("aria-label", `${chart.title}: ${chart.cursor === undefined ? "now " : ""}${text}`);
}

export const chartsMake = () => CHARTS.forEach(chartMake);
export const chartsDraw = () => CHARTS.forEach(chartDraw);
