// The page's controls: they change the view, and show what it is.

import { App } from "./app.js";
import * as keys from "./keys.js";
import { read, unread } from "./link.js";
import { Panel } from "./panel.js";
import { AWAITED, MISSING, PRESENT } from "./sequence.js";
import * as server from "./server.js";
import { Sheet } from "./sheet.js";
import { COMPARING, PAGE, shotsAt } from "./shots.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const page = document.documentElement.dataset;
const app = new App();
const { player } = app;
const narrow = matchMedia("(max-width: 1100px)");

const stage = new Stage($("stage"), {
  moved: () => { zoomed(); app.refresh(); },
  divided: (wipe) => app.set({ wipe: Math.round(wipe * 1000) / 1000 }),
  pointed: (hit) => { if (probing && !player.playing) probe(hit); },
});
const timeline = new Timeline($("timeline"), { sought: (position) => { player.stop(); app.seek(position); }, hovered: peek });
const sheet = new Sheet($("sheet"), { chosen: (position) => { app.seek(position); actions.enter(); } });
const panel = new Panel($("panel"), { noted: note });

// --- messages ---

let noteEnds, spoken = "";
function note(text) {
  $("note").textContent = text;
  $("note").hidden = false;
  clearTimeout(noteEnds);
  noteEnds = setTimeout(() => { $("note").hidden = true; }, 2500);
}

let speaks;
function speak(text) {
  clearTimeout(speaks);
  speaks = setTimeout(() => { if (text !== spoken) $("spoken").textContent = spoken = text; }, 250);
}

let failures = 0;
function connection(well, error) {
  failures = well ? 0 : failures + 1;
  const silent = failures < 2 ? "" : "The server does not answer. Is 'seqsave view' still running? This page goes on when it is.";
  $("lost").textContent = error?.status ? error.message : silent;
  $("lost").hidden = !$("lost").textContent;
}

// --- lists and states ---

function options(select, nothing) {
  const all = app.sequences.flatMap((sequence) => sequence.batches.map((_, batch) => ({ value: `${sequence.id}:${batch}`, text: sequence.label(batch) })));
  if (nothing) all.unshift({ value: "", text: nothing });
  const known = [...select.options].map((one) => one.value + one.text).join();
  if (known !== all.map((one) => one.value + one.text).join()) {
    select.replaceChildren(...all.map(({ value, text }) => new Option(text, value)));
  }
}

// The list of sequences, or the choice among them, has changed.
function listed() {
  const { a } = app;
  if (!a) {
    message("No sequence", "No image sequence was found at the addresses that 'seqsave view' was started with.");
    page.ready = "empty";
    return;
  }
  options($("a"));
  options($("b"), "none");
  document.title = `${a.title} · seqsave view`;
  $("a").title = a.facts.url;
  $("rate").value = Math.round(app.fps * 1000) / 1000;
  $("growing").hidden = $("follow").hidden = !a.growing;
  document.querySelector('button[data-mode="variations"]').disabled = a.batches.length < 2;
  if (!a.length) message("No frames yet", a.growing ? "The sequence is still growing." : "This sequence has no frames.");
  set();
  changed();
}

function message(title, text) {
  stage.draw([{ words: { title, text }, kind: "awaited" }], { mode: "single", width: 1600, height: 900 });
  $("stage").setAttribute("aria-label", `${title}. ${text}`);
  speak(title);
}

// States of frames have changed.
function changed() {
  if (!app.a) return;
  const { missing, broken, awaited } = app.a.tally(app.view.aBatch);
  const some = (number, one, many) => (number ? `${number.toLocaleString("en")} ${number === 1 ? one : many}` : "");
  const words = [some(missing, "gap", "gaps"), some(broken, "broken", "broken")].filter(Boolean).join(", ");
  $("problems").hidden = !words;
  $("problems").textContent = words;
  $("problems").setAttribute("aria-label", `${words}: go to the next one`);
  const { numbers, length } = app.a;
  const [first, last] = [numbers[0], numbers[length - 1]];
  $("extent").textContent = length ? `of ${first}–${last}${awaited ? `, ${awaited.toLocaleString("en")} not yet` : ""}` : "";
  timeline.changed();
  if (app.view.mode === "sheet" && sheet.model) sheet.changed();
}

// The view has changed: the controls show it.
function set() {
  const { view, a } = app;
  document.body.dataset.mode = page.mode = view.mode;
  for (const button of document.querySelectorAll("button[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === view.mode));
  $("sheet").hidden = view.mode !== "sheet";
  $("stage").hidden = view.mode === "sheet";
  $("b-field").hidden = app.sequences.length < 2 && app.sequences.every((one) => one.batches.length < 2) && !COMPARING.includes(view.mode);
  $("shift").value = view.shift;
  $("b").value = view.b === null ? "" : `${view.b}:${view.bBatch}`;
  $("a").value = `${view.a}:${view.aBatch}`;
  $("wipe").value = view.wipe;
  $("gain").value = view.gain;
  $("ev").value = view.ev;
  $("ev-value").textContent = (view.ev > 0 ? "+" : "") + view.ev;
  $("gamma").value = view.gamma;
  $("gamma-value").textContent = view.gamma.toFixed(2);
  $("channels").value = view.channels;
  $("neutral").disabled = !app.look;
  $("loop").setAttribute("aria-pressed", String(app.loop));
  $("timing").value = player.timing;
  $("follow").setAttribute("aria-pressed", String(app.follow));
  for (const [id, name, words] of [["in", "first", "In"], ["out", "last", "Out"]]) {
    $(id).textContent = view[name] === null ? words : `${words} ${view[name]}`;
    $(id).classList.toggle("set", view[name] !== null);
  }
  $("whole").hidden = view.first === null && view.last === null;
  const pages = Math.ceil(a.batches.length / PAGE);
  $("pages").hidden = view.mode !== "variations" || pages < 2;
  $("page-words").textContent = `Variations ${app.page * PAGE + 1}–${Math.min((app.page + 1) * PAGE, a.batches.length)} of ${a.batches.length}`;
}

// A frame was drawn, or is awaited.
let linkWrites, aboutWaits, busyWaits;
function refreshed(ready, shots) {
  const { a, view, position, number } = app, held = app.held();
  if (document.activeElement !== $("frame")) $("frame").value = number ?? "";
  if (a.length) timeline.show({ sequence: a, batch: view.aBatch, position, first: view.first, last: view.last, held });
  const slider = $("timeline");
  slider.setAttribute("aria-valuemin", a.numbers[0] ?? 0);
  slider.setAttribute("aria-valuemax", a.numbers[a.length - 1] ?? 0);
  slider.setAttribute("aria-valuenow", number ?? 0);
  const state = a.state(view.aBatch, number);
  const words = state === PRESENT || number === null ? `Frame ${number}` : [a.words(view.aBatch, number)].map(({ title, text }) => `${title}. ${text}`)[0];
  slider.setAttribute("aria-valuetext", words);
  if (view.mode === "sheet") {
    sheet.show({ sequence: a, batch: view.aBatch, position, look: app.look });
    page.ready = `frame:${number}`;
  }
  page.playing = player.playing ? "playing" : "paused";
  page.dropped = player.dropped;
  page.held = held.length;
  const icon = player.playing ? "pause" : "play";
  if ($("play").dataset.shows !== icon) {
    $("play").dataset.shows = icon;
    $("play").setAttribute("aria-label", player.playing ? "Stop" : "Play");
    $("play").querySelector("use").setAttribute("href", `#i-${icon}`);
  }
  pace();
  clearTimeout(busyWaits);
  if (ready) { $("busy").hidden = true; if (stage.canvas.classList.contains("previewing") && shots.length) stage.canvas.classList.remove("previewing"); }
  else busyWaits = setTimeout(() => { $("busy").textContent = number === null ? "" : `Loading ${number}`; $("busy").hidden = number === null; }, 150);
  clearTimeout(linkWrites);
  clearTimeout(aboutWaits);
  if (player.playing) return;
  if (ready) {
    const shown = number === null ? "" : [words, ...(view.mode === "single" ? [] : [`mode ${view.mode}`]), a.label(view.aBatch)].join(", ");
    if (shown) $("stage").setAttribute("aria-label", shown);
    if (shown) speak(words);
  }
  linkWrites = setTimeout(() => { if (location.hash !== app.link()) history.replaceState(null, "", app.link()); page.link = app.link(); }, 200);
  if (!$("panel").hidden) aboutWaits = setTimeout(about, 120);
  if (probing && probed && ready) probe(probed, true);
}

function about() {
  const { a, view, number } = app;
  if ($("panel").hidden || number === null || player.playing) return;
  const state = a.state(view.aBatch, number);
  if (state === MISSING || state === AWAITED) panel.absent(a.words(view.aBatch, number), number);
  else panel.show(a, view.aBatch, number);
}

function pace() {
  const { measured, dropped, speed, waiting, playing } = player;
  const parts = [];
  if (playing && speed > 1) parts.push(`× ${speed}`);
  if (playing) parts.push(waiting ? "waiting" : measured ? `${measured.toFixed(1)} fps` : "");
  $("pace").replaceChildren(parts.filter(Boolean).join(" "));
  if (player.timing === "real" && (playing || dropped)) {
    $("pace").append(Object.assign(document.createElement("span"), { className: dropped ? "dropped" : "", textContent: ` ${dropped} dropped` }));
  }
}

// The frame below the pointer on the timeline.
let peekWaits;
function peek(position, x) {
  clearTimeout(peekWaits);
  $("peek").hidden = position === null;
  if (position === null) return;
  const { a, view } = app;
  const number = a.numbers[position], image = $("peek").querySelector("img"), state = a.states[view.aBatch][position];
  $("peek").style.left = `${Math.min(Math.max(x, 90), innerWidth - 90)}px`;
  $("peek").querySelector("span").textContent = state === PRESENT ? number : a.words(view.aBatch, number).title;
  image.removeAttribute("src");
  if (state === PRESENT) peekWaits = setTimeout(() => { image.src = server.pictureUrl(a, view.aBatch, number, "thumb", app.look); }, 80);
}

function zoomed() {
  $("zoom").hidden = stage.zoom === 1;
  if (app.a) $("zoom").querySelector("span").textContent = `${Math.round((100 * stage.zoom * (stage.fitted ?? 1)))} %`;
}

// --- the probe ---

let probing = false, probed = null, asking = false, next = null;
async function probe(hit, again = false) {
  if (!hit) return;
  probed = hit;
  if (!again) { stage.cross = [hit.x, hit.y]; app.later(); }
  if (asking) { next = hit; return; }
  asking = true;
  try {
    await ask(hit);
  } finally {
    asking = false;
    if (next) { const waiting = next; next = null; probe(waiting, true); }
  }
}

async function ask(hit) {
  const shots = shotsAt(app, app.position);
  const shown = COMPARING.includes(app.view.mode) ? shots : [shots[hit.at] ?? shots[0]].filter(Boolean);
  const rows = await Promise.all(shown.map(async (shot) => {
    const { width, height } = shot.sequence.facts;
    const x = Math.min(Math.floor(hit.x * width), width - 1), y = Math.min(Math.floor(hit.y * height), height - 1);
    const row = document.createElement("div");
    const part = (tag, text, name = "") => row.append(Object.assign(document.createElement(tag), { textContent: text, className: name }));
    if (shot.label) part("b", shot.label);
    part("span", `x ${x}  y ${y}`);
    try {
      if (shot.sequence.state(shot.batch, shot.number) !== PRESENT) throw new Error(shot.sequence.words(shot.batch, shot.number).title);
      const { values, dtype } = await server.pixel(shot.sequence, shot.batch, shot.number, x, y);
      for (const [name, value] of Object.entries(values)) part("b", `${name} ${digits(value)}`, name.toLowerCase().slice(-1));
      part("span", dtype);
    } catch (error) { part("span", error.message); }
    return row;
  }));
  $("values").replaceChildren(...rows);
  $("values").hidden = !probing;
  page.probe = `${app.number}:${$("values").textContent}`;
}

const digits = (value) => (typeof value !== "number" || Number.isInteger(value) ? String(value) : Math.abs(value) >= 1e-3 || value === 0 ? value.toPrecision(6).replace(/\.?0+$/, "") : value.toExponential(3));

// --- what keys and buttons do ---

const actions = {
  toggle() { if (app.view.mode === "sheet") app.set({ mode: "single" }); player.toggle(); app.refresh(); },
  shuttle(direction) { if (app.view.mode === "sheet") app.set({ mode: "single" }); player.shuttle(direction); app.refresh(); },
  stop() { player.stop(); },
  loop() { app.loop = !app.loop; set(); note(app.loop ? "Plays in a loop" : "Stops at the end"); },
  timing() { player.timing = player.timing === "every" ? "real" : "every"; player.dropped = 0; set(); pace(); note(player.timing === "every" ? "Every frame" : "Real time"); },
  step(by) { player.stop(); app.seek(app.position + by); },
  edge(direction) {
    player.stop();
    const [first, last] = app.range;
    app.seek(direction < 0 ? first : last);
  },
  number(event) {
    $("frame").focus();
    $("frame").value = /^[\d-]$/.test(event.key) ? event.key : "";
  },
  problem(direction) {
    player.stop();
    const to = app.findProblem(direction);
    if (to === null) note(direction > 0 ? "No gap or broken frame after this one" : "No gap or broken frame before this one");
    else app.seek(to);
  },
  newest() { player.stop(); app.goTo(app.a.newest[app.view.aBatch]); },
  mark(name) { app.set({ [name]: app.view[name] === app.number ? null : app.number }); },
  clear() { app.set({ first: null, last: null }); },
  timeline(factor) { timeline.zoom(factor); },
  mode(mode) {
    if (mode === "variations" && app.a.batches.length < 2) { note("This sequence has no batches"); return; }
    if (mode === "sheet") player.stop();
    app.set({ mode });
  },
  nudge(x, y, event) {
    if (probing) {
      const { width, height } = app.size, [from, down] = stage.cross ?? [0.5, 0.5], by = event.shiftKey ? 10 : 1;
      const inside = (value) => Math.min(Math.max(value, 0), 0.999999);
      probe({ at: 0, x: inside((Math.floor(from * width) + 0.5 + x * by) / width), y: inside((Math.floor(down * height) + 0.5 + y * by) / height) });
    } else if (app.view.mode === "wipe") app.set({ wipe: Math.min(Math.max(Math.round((app.view.wipe + x * 0.01) * 1000) / 1000, 0), 1) });
  },
  up(direction) {
    if (app.view.mode === "sheet") { app.seek(app.position + direction * sheet.columns); return; }
    const { batches } = app.a;
    if (batches.length > 1) app.choose(app.view.a, (app.view.aBatch + direction + batches.length) % batches.length);
  },
  page(direction) {
    if (app.view.mode === "sheet") { app.seek(app.position + direction * sheet.columns * sheet.rows); return; }
    if (app.view.mode === "variations" && app.a.batches.length > PAGE) { turn(direction); return; }
    const { length } = app.sequences;
    if (length > 1) app.choose((app.view.a + direction + length) % length, 0);
  },
  exposure(by) { app.set({ ev: Math.min(Math.max(app.view.ev + by, -12), 12) }); },
  gamma(by) { app.set({ gamma: Math.min(Math.max(Math.round((app.view.gamma + by) * 100) / 100, 0.2), 5) }); },
  channel(name) { app.set({ channels: app.view.channels === name ? "rgb" : name }); note(app.view.channels === "rgb" ? "All channels" : $("channels").selectedOptions[0].text); },
  neutral() { app.set({ ev: 0, gamma: 1, channels: "rgb" }); },
  zoom(factor) { stage.setZoom(stage.zoom * factor); },
  pixels() { stage.setZoom(1 / stage.fitted); },
  fit() { stage.setZoom(1); },
  probe() {
    probing = !probing;
    $("probe").setAttribute("aria-pressed", String(probing));
    stage.canvas.classList.toggle("probing", probing);
    $("values").hidden = true;
    stage.cross = null;
    probed = null;
    if (probing) { if (player.playing) player.stop(); probe({ at: 0, x: 0.5, y: 0.5 }); } else app.refresh();
  },
  info() {
    $("panel").hidden = !$("panel").hidden;
    $("info").setAttribute("aria-pressed", String(!$("panel").hidden));
    if (!$("panel").hidden) about();
  },
  async copy() {
    history.replaceState(null, "", app.link());
    try { await navigator.clipboard.writeText(location.href); note("Link copied"); } catch { note("The browser does not allow copying: take the link from its address bar"); }
  },
  help() { $("help").showModal(); },
  enter() { if (app.view.mode === "sheet") { app.set({ mode: "single" }); leave(); } },
  escape(event) {
    if (event.target.matches("input, select")) { event.target.blur(); $("frame").value = app.number ?? ""; return; }
    if (!$("panel").hidden && narrow.matches) actions.info();
    else if (probing) actions.probe();
    else if (app.view.mode !== "single") app.set({ mode: "single" });
  },
};

// Before the list of sequences is here, there is nothing to act on.
function act(action, ...values) { if (app.a || action === "help") actions[action](...values); }

function turn(direction) {
  const pages = Math.ceil(app.a.batches.length / PAGE);
  app.page = (app.page + direction + pages) % pages;
  set();
  app.refresh();
}

// The keyboard goes back to what is looked at.
function leave() { $(app.view.mode === "sheet" ? "sheet" : "stage").focus({ preventScroll: true }); }

function go() {
  const text = $("frame").value.trim();
  const well = /^-?\d+$/.test(text) && app.a?.length;
  $("frame").setAttribute("aria-invalid", String(!well));
  if (!well) { note(text === "" ? "Type the number of a frame" : `'${text}' is not the number of a frame`); return; }
  player.stop();
  leave();
  const number = Number(text);
  app.goTo(number);
  reached(number);
}

function reached(number) {
  if (app.a?.length && !app.a.has(number)) note(`Frame ${number} is outside this sequence: the nearest is ${app.number}`);
}

// What a link asks for that is not here.
function linked(fragment) {
  const { a, frame } = read(fragment), wrong = unread(fragment);
  if (app.a && !app.sequences[a]) wrong.push(`s=${a}`);
  if (wrong.length) note(`This link has values that mean nothing here: ${wrong.join(", ")}`);
  else if (frame !== null) reached(frame);
}

const clicks = {
  first: ["edge", -1], back: ["step", -1], play: ["toggle"], forward: ["step", 1], last: ["edge", 1], problems: ["problem", 1], in: ["mark", "first"],
  out: ["mark", "last"], whole: ["clear"], loop: ["loop"], neutral: ["neutral"], probe: ["probe"], info: ["info"], copy: ["copy"], keys: ["help"], fit: ["fit"],
};
for (const [id, [action, ...values]] of Object.entries(clicks)) $(id).addEventListener("click", (event) => act(action, ...values, event));
for (const button of document.querySelectorAll("button[data-mode]")) button.addEventListener("click", () => act("mode", button.dataset.mode));
$("follow").addEventListener("click", () => { app.follow = !app.follow; set(); if (app.follow) actions.newest(); });
$("page-back").addEventListener("click", () => turn(-1));
$("page-on").addEventListener("click", () => turn(1));
$("a").addEventListener("change", () => app.choose(...$("a").value.split(":").map(Number)));
$("b").addEventListener("change", () => {
  if ($("b").value) app.chooseB(...$("b").value.split(":").map(Number)); else app.set({ b: null, mode: COMPARING.includes(app.view.mode) ? "single" : app.view.mode });
});
$("shift").addEventListener("change", () => app.set({ shift: Math.trunc(Number($("shift").value)) || 0 }));
$("wipe").addEventListener("input", () => app.set({ wipe: Number($("wipe").value) }));
$("gain").addEventListener("change", () => app.set({ gain: Number($("gain").value) }));
$("channels").addEventListener("change", () => app.set({ channels: $("channels").value }));
$("timing").addEventListener("change", () => { player.timing = $("timing").value; player.dropped = 0; app.refresh(); });
$("rate").addEventListener("change", () => {
  const rate = Number($("rate").value);
  if (rate >= 0.1 && rate <= 240) app.fps = rate;
  else note("Type 0.1 to 240 frames per second");
  $("rate").value = Math.round(app.fps * 1000) / 1000;
});
$("frame").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); go(); } });
$("frame").addEventListener("focus", () => $("frame").select());
$("frame").addEventListener("blur", () => { $("frame").value = app.number ?? ""; $("frame").setAttribute("aria-invalid", "false"); });

// While a slider moves, the browser shows roughly what the server will send from the file's own depth.
let slides;
for (const id of ["ev", "gamma"]) $(id).addEventListener("input", () => {
  const ev = Number($("ev").value), gamma = Number($("gamma").value);
  $("ev-value").textContent = (ev > 0 ? "+" : "") + ev;
  $("gamma-value").textContent = gamma.toFixed(2);
  for (const part of document.querySelectorAll("#preview feComponentTransfer > *")) {
    part.setAttribute("amplitude", 2 ** (ev - app.view.ev));
    part.setAttribute("exponent", app.view.gamma / gamma);
  }
  stage.canvas.classList.add("previewing");
  clearTimeout(slides);
  slides = setTimeout(() => app.set({ ev, gamma }), 160);
});

// After a click with the mouse, keys belong to the picture again; who uses the keyboard keeps the focus.
document.addEventListener("click", (event) => {
  if (event.detail && event.target.closest("header button, .tools button, .transport button")) leave();
});
let pointed = false;
addEventListener("pointerdown", () => { pointed = true; }, true);
addEventListener("keydown", () => { pointed = false; }, true);
document.addEventListener("change", (event) => { if (pointed && event.target.matches("select")) leave(); });
addEventListener("hashchange", () => { const { hash } = location; player.stop(); app.open(hash); linked(hash); });

app.ui = { stage, connection, listed, changed, set, refreshed, pace };
keys.fill($("help").querySelector(".keys"));
keys.listen(act);
if (!narrow.matches) { $("panel").hidden = false; $("info").setAttribute("aria-pressed", "true"); }
const { hash } = location;
try {
  await app.load();
  linked(hash);
} catch (error) {
  message("The list of sequences cannot be read", error.message);
  page.ready = "failed";
}
