// sites.js -- where memory comes from: a flame graph and a table.

import { $, ask, bytes, count, make, say } from "./base.js";

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
  const nothing = profile.stacks.length === 0 ? "No allocation has been sampled and seen by a cycle yet." : "Nothing that was sampled is in use.";
  $("sites-note").textContent = rows.length === 0 ? nothing
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

export function sitesMake() {
  const flame = $("flame");
  const detail = (e) => { if (e.target.node) $("flame-detail").textContent = describe(e.target.node); };
  $("sites-load").addEventListener("click", loadSites);
  $("sites-value").addEventListener("change", () => { if (profile) drawSites(); });
  $("flame-reset").addEventListener("click", () => zoom(root));
  flame.addEventListener("keydown", flameKey);
  flame.addEventListener("click", (e) => { if (e.target.node) { zoom(e.target.node); e.target.node.item.focus(); } });
  flame.addEventListener("focusin", detail);
  flame.addEventListener("pointerover", detail);
}
