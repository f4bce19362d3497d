// page.mjs -- the debug server's page in a real browser, as a person uses it.
// Usage: node page.mjs ADDRESS CHROMIUM [SCREENSHOT]
// ADDRESS serves a program that allocates all the time. With a third argument the
// page is also left in that file, as the guide shows it.
// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [address, executablePath, screenshot] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] }).catch((e) => {
  console.log(`skipped: the page in a browser, for ${executablePath} does not start here: ${e.message}`);
  process.exit(77);
});
const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, colorScheme: "light" });
page.setDefaultTimeout(30000);

const complaints = [];
const requests = [];
page.on("console", (m) => { if (["error", "warning"].includes(m.type())) complaints.push(m.text()); });
page.on("pageerror", (e) => complaints.push(String(e)));
page.on("request", (r) => requests.push(r));

const button = (name) => page.getByRole("button", { name, exact: true });
const status = page.getByRole("status");

async function chartsMove() {
  const line = page.locator("#chart-memory path").first();
  const first = await line.getAttribute("d");
  await page.waitForFunction((d) => document.querySelector("#chart-memory path").getAttribute("d") !== d, first);
  for (const id of ["memory", "pauses", "allocation", "cycles", "stopped", "threads"])
    assert.match(await page.locator(`#chart-${id}`).getAttribute("aria-label"), /: now .+ \(0 s ago\)$/);
  await page.waitForSelector("#chart-pauses circle", { state: "attached" });
}

async function chartsAreReadByKeys() {
  const chart = page.locator("#chart-allocation");
  await chart.focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForSelector("#chart-allocation .cursor", { state: "attached" });
  assert.match(await page.locator("figure", { has: chart }).locator(".readout").textContent(), /bytes .*B\/s \(\d+ s ago\)/);
  await page.keyboard.press("Escape");
}

// The program runs cycles of its own too, so it is asked for their number, which
// the tile shortens from ten thousand on.
const cycles = (kind) => page.evaluate(async (k) => (await (await fetch("/debug/vars")).json()).gcx[k], `${kind}_cycles`);

async function collectsOne(kind, name, answer) {
  const before = await cycles(kind);
  await button(name).click();
  await status.filter({ hasText: answer }).waitFor();
  assert.ok(await cycles(kind) > before, `${before} ${kind} cycles before and after`);
}

async function collects() {
  await collectsOne("full", "Collect all", /^A full cycle was run, its last stop took .*s; live were .*B, are .*B\.$/);
  await collectsOne("minor", "Collect young", /^A minor cycle was run/);
  const asked = requests.filter((r) => r.url().includes("/collect"));
  assert.deepEqual(asked.map((r) => r.method()), ["POST", "POST"]);
}

async function takesAProfile() {
  await page.getByLabel("Show").selectOption({ label: "bytes allocated" });
  await button("Take a heap profile").click();
  await page.waitForSelector("#flame [role=treeitem]");
  await page.waitForSelector("#sites tbody tr");
  const all = page.locator("#flame [role=treeitem]").first();
  assert.match(await all.getAttribute("aria-label"), /^all: .*B, 100.0 %$/);
  await all.focus();
  await page.keyboard.press("ArrowDown");
  assert.match(await page.locator("#flame-detail").textContent(), /%/);
  await page.keyboard.press("Enter");
  await button("Whole flame graph").click();
}

async function showsClasses() {
  await page.locator("#classes-title").scrollIntoViewIfNeeded();
  await page.waitForSelector("#classes tbody tr");
  const cells = await page.locator("#classes tbody tr").first().locator("th, td").allTextContents();
  assert.match(cells.join("|"), /^\d+ B\|scanned\|\d.*\|.*B\|\d.*\|.*B\|\d.*\|\d+ %\|$/);
}

const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

async function hasTwoThemes() {
  const light = await background();
  await button("Dark").click();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await background(), dark, "the choice is kept");
  await button("Light").click();
  assert.equal(await background(), light);
}

async function holds() {
  const hold = button("Hold the charts");
  await hold.click();
  assert.equal(await hold.getAttribute("aria-pressed"), "true");
  await hold.click();
}

// What assistive programs need: every control has a name, tables have captions.
async function isAccessible() {
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, select, svg[role], table, section")]
    .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.caption || e.getAttribute("aria-labelledby")))
    .map((e) => e.outerHTML.slice(0, 100)));
  assert.deepEqual(nameless, []);
  await page.keyboard.press("Home");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
}

const fits = () => [...document.querySelectorAll("#charts svg")].every((s) => s.viewBox.baseVal.width === s.clientWidth);

// As narrow as a telephone: nothing but tables is scrolled sideways. Charts are
// drawn anew for it even when they are held.
async function fitsNarrowScreens() {
  await button("Hold the charts").click();
  await page.setViewportSize({ width: 360, height: 740 });
  const [needed, has] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(needed <= has, `${needed} pixels wide, not ${has}`);
  await page.waitForFunction(fits);
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.waitForFunction(fits);
  await button("Hold the charts").click();
}

async function leavesAPicture() {
  await page.setViewportSize({ width: 1100, height: 900 });
  await page.reload();
  await page.getByLabel("Show").selectOption({ label: "bytes allocated" });
  await button("Take a heap profile").click();
  await page.waitForSelector("#flame [role=treeitem]");
  await showsClasses();
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForFunction(fits);
  const end = await page.locator("#classes tbody tr").nth(3).boundingBox();
  await page.screenshot({ path: screenshot, fullPage: true, clip: { x: 0, y: 0, width: 1100, height: end.y } });
}

try {
  await page.goto(`http://${address}/`);
  await page.waitForFunction(() => document.querySelectorAll("#tiles dd").length === 10);
  for (const step of [chartsMove, chartsAreReadByKeys, collects, takesAProfile, showsClasses, holds, isAccessible, fitsNarrowScreens, hasTwoThemes]) {
    console.log(step.name);
    await step();
  }
  assert.deepEqual(complaints, []);
  assert.deepEqual(requests.map((r) => r.url()).filter((u) => !u.startsWith(`http://${address}/`) && !u.startsWith("data:")), []);
  if (screenshot) await leavesAPicture();
} finally {
  await browser.close();
}
