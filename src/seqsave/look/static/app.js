// The state of the page: what is shown, and what has to be loaded for it.

import { Frames } from "./frames.js";
import { read, usual, write } from "./link.js";
import { Player } from "./player.js";
import { BROKEN, MISSING, PRESENT, Sequence, giveTitles } from "./sequence.js";
import * as server from "./server.js";
import { COMPARING, PAGE, before, fill, learn, lookOf, request, shotsAt, sizesFor } from "./shots.js";

const AHEAD = { playing: 240, paused: 24 }, BEHIND = 4;
const DECODED = 24; // frames ahead that wait decoded
const page = document.documentElement.dataset;

export class App {
  constructor() {
    this.sequences = [];
    this.view = usual();
    this.position = 0;
    this.page = 0; // of the variations
    this.loop = true;
    this.follow = false;
    this.fps = 24;
    this.drawnAt = null; // the position that the canvas shows
    this.missed = new Set(); // sequences of which the page missed which frames were replaced
    this.direction = 1;
    this.frames = new Frames({ loaded: (entry) => this.#loaded(entry), arrived: (well, error) => this.ui.connection(well, error) });
    this.player = new Player({
      next: (steps) => this.ahead(steps), canShow: (position) => this.canShow(position), seek: (position) => this.seek(position),
      drawn: () => this.drawnAt === this.position, waits: () => this.ui.pace(), stopped: () => this.refresh(), rate: () => this.fps,
    });
  }

  get a() { return this.sequences[this.view.a]; }
  get b() { return this.view.b === null ? null : this.sequences[this.view.b]; }
  get look() { return lookOf(this.view); }
  get number() { return this.a?.numbers[this.position] ?? null; }

  // The first and last position that playing reaches.
  get range() {
    const { first, last } = this.view;
    const low = first === null ? 0 : this.a.at(first), high = last === null ? this.a.length - 1 : this.a.at(last);
    return low <= high ? [low, high] : [high, low];
  }

  // --- what there is ---

  async load() {
    const { sequences, default_rate: rate, viewer } = await server.sequences();
    this.viewer = viewer;
    this.sequences = sequences.map((facts) => new Sequence(facts));
    giveTitles(this.sequences);
    this.defaultRate = rate[0] / rate[1];
    this.open(location.hash);
    server.listen({
      changed: (event) => this.#changed(event), replaced: (frame) => this.#replaced(frame), stated: (state) => this.#stated(state),
      connected: () => this.ui.connection(true), lost: () => this.ui.connection(false),
    });
  }

  #changed({ id, stamp, missed }) {
    if (missed) this.missed.add(id);
    if (this.sequences[id]) this.sequences[id].heard = stamp;
    this.reload();
  }

  // What the server knows as a stream of events begins: events that came before it are lost.
  #stated({ viewer, sequences }) {
    for (const { id, stamp } of sequences) if (this.sequences[id] && this.sequences[id].heard !== stamp) this.missed.add(id);
    const known = viewer === this.viewer && sequences.length === this.sequences.length;
    if (!known || this.missed.size || sequences.some(({ id, version }) => this.sequences[id].facts.version !== version)) this.reload();
  }

  async reload() {
    if (this.reloading) { this.again = true; return; }
    this.reloading = true;
    const missed = this.missed;
    this.missed = new Set();
    try {
      const { sequences, viewer } = await server.sequences();
      const { number } = this, other = viewer !== this.viewer; // another server, which began after this page
      this.viewer = viewer;
      for (const facts of sequences) {
        const known = this.sequences[facts.id];
        if (!known) this.sequences.push(new Sequence(facts));
        else if (known.facts.version !== facts.version || missed.has(facts.id)) this.#update(known, facts, other || missed.has(facts.id));
      }
      giveTitles(this.sequences);
      this.position = number === null ? 0 : this.a.at(number);
      this.ui.listed();
      const newest = this.follow && !this.player.playing ? this.a.newest[this.view.aBatch] : -Infinity;
      if (newest > number) this.goTo(newest); else this.refresh();
    } catch (error) {
      for (const id of missed) this.missed.add(id);
      this.ui.connection(false, error);
    } finally {
      this.reloading = false;
      if (this.again) { this.again = false; this.reload(); }
    }
  }

  // missed: which frames were replaced is not known.
  #update(sequence, facts, missed) {
    const { id, batches } = sequence;
    const moved = JSON.stringify(batches) !== JSON.stringify(facts.batches);
    if (moved || missed) {
      sequence.forget(facts);
      this.frames.forget((tag) => tag.sequence === id);
    }
    sequence.update(facts);
    this.frames.forget((tag, problem) => problem && tag.sequence === id && sequence.state(tag.batch, tag.number) === PRESENT);
    const { view } = this;
    // Another batch may stand at this position now: what is shown stays the same one.
    if (moved && view.a === id) view.aBatch = Math.max(sequence.batches.indexOf(batches[view.aBatch]), 0);
    if (moved && view.b === id) view.bBatch = Math.max(sequence.batches.indexOf(batches[view.bBatch]), 0);
  }

  #replaced({ id, batch, index, version }) {
    const at = batch ?? 0;
    this.sequences[id]?.replaced(at, index, version);
    this.frames.forget((tag) => tag.sequence === id && tag.batch === at && tag.number === index);
    this.ui.changed();
    this.refresh();
  }

  #loaded(entry) {
    const sequence = this.sequences[entry.tag.sequence];
    if (entry.problem && learn(sequence, entry)) this.ui.changed();
    this.later();
  }

  // --- what is shown ---

  // From a link. Numbers that this sequence does not have lead to the nearest.
  open(fragment) {
    const view = read(fragment);
    if (!this.sequences.length) { this.ui.listed(); return; }
    if (!this.sequences[view.a]) { view.a = 0; view.aBatch = 0; }
    if (view.b !== null && !this.sequences[view.b]) view.b = null;
    if (view.aBatch < 0 || view.aBatch >= this.sequences[view.a].batches.length) view.aBatch = 0;
    if (view.b !== null && (view.bBatch < 0 || view.bBatch >= this.sequences[view.b].batches.length)) view.bBatch = 0;
    this.view = view;
    if (COMPARING.includes(view.mode) && view.b === null) this.#chooseB();
    this.fps = this.a.rate ?? this.defaultRate;
    this.position = view.frame === null ? this.#opening() : this.a.at(view.frame);
    this.#pageOfBatch();
    this.ui.listed();
    this.refresh();
  }

  // A sequence opens at its first frame that exists.
  #opening() { return this.a.find(this.view.aBatch, -1, 1, PRESENT) ?? 0; }

  #pageOfBatch() { this.page = Math.floor(this.view.aBatch / PAGE); }

  set(changes) {
    if (!this.a) return;
    Object.assign(this.view, changes);
    if (COMPARING.includes(this.view.mode) && this.view.b === null) this.#chooseB();
    this.ui.set();
    this.refresh();
  }

  choose(sequence, batch) {
    const number = this.number;
    const other = sequence !== this.view.a;
    Object.assign(this.view, { a: sequence, aBatch: batch });
    if (other) {
      Object.assign(this.view, { first: null, last: null });
      this.fps = this.a.rate ?? this.defaultRate;
    }
    this.position = number !== null && this.a.length && number >= this.a.numbers[0] && number <= this.a.numbers[this.a.length - 1] ? this.a.at(number) : this.#opening();
    this.#pageOfBatch();
    this.ui.listed();
    this.refresh();
  }

  chooseB(sequence, batch) {
    Object.assign(this.view, { b: sequence, bBatch: batch, shift: this.#shift(sequence, batch) });
    if (!COMPARING.includes(this.view.mode)) this.view.mode = "wipe";
    this.ui.listed();
    this.refresh();
  }

  // What A is compared with at first: its next batch, else the next sequence, else the frame before.
  #chooseB() {
    const { view } = this;
    if (this.a.batches.length > 1) Object.assign(view, { b: view.a, bBatch: (view.aBatch + 1) % this.a.batches.length });
    else Object.assign(view, { b: (view.a + 1) % this.sequences.length, bBatch: 0 });
    view.shift = this.#shift(view.b, view.bBatch);
    this.ui.listed();
  }

  #shift(sequence, batch) {
    const { a, view } = this, b = this.sequences[sequence];
    if (b === a) return batch === view.aBatch ? -(a.length > 1 ? a.numbers[1] - a.numbers[0] : 1) : 0;
    if (!a.length || !b.length) return 0;
    const apart = b.numbers[0] > a.numbers[a.length - 1] || b.numbers[b.length - 1] < a.numbers[0];
    return apart ? b.numbers[0] - a.numbers[0] : 0; // two that have no number in common begin together
  }

  seek(position) {
    if (!this.a?.length) return;
    const to = Math.min(Math.max(position, 0), this.a.length - 1);
    if (to !== this.position) this.direction = to > this.position ? 1 : -1;
    this.position = to;
    this.refresh();
  }

  goTo(number) { if (this.a?.length) this.seek(this.a.at(number)); }

  // The position so many steps on, in the range; null at its end, unless it plays in a loop.
  ahead(steps, from = this.position) {
    if (!this.a.length) return null;
    const [first, last] = this.range;
    const to = from + steps;
    if (to >= first && to <= last) return to;
    const count = last - first + 1;
    if (this.loop && count > 1) return first + ((((to - first) % count) + count) % count);
    if (from === last && steps > 0) return null;
    if (from === first && steps < 0) return null;
    return steps > 0 ? last : first;
  }

  findProblem(direction) {
    return this.a?.find(this.view.aBatch, this.position, direction, MISSING, BROKEN) ?? null;
  }

  // --- drawing and loading ---

  later() { this.scheduled ??= requestAnimationFrame(() => { this.scheduled = null; this.refresh(); }); }

  get size() {
    const { width, height } = this.a.facts;
    return width && height ? { width, height } : this.seen ?? { width: 1920, height: 1080 };
  }

  #filled(position) {
    const shots = shotsAt(this, position);
    const { stage } = this.ui;
    const { width, height } = this.size;
    const across = shots.length ? stage.arrange(shots.length, width, height, this.view.mode)[0].width : 0;
    this.sizes = sizesFor(width, across, this.player.playing, this.view.mode);
    return shots.map((shot) => fill(this.frames, shot, this.sizes, this.look));
  }

  canShow(position) { return this.#filled(position).every((shot) => shot.ready); }

  refresh() {
    if (!this.a) return;
    if (this.player.playing) this.direction = this.player.direction;
    this.view.frame = this.number;
    const shots = this.#filled(this.position);
    const ready = shots.every((shot) => shot.ready) && (this.a.length > 0 || this.view.mode === "sheet");
    if (ready) this.#draw(shots);
    else if (!this.player.playing || this.player.timing === "every") page.ready = "loading";
    this.#load(shots);
    this.ui.refreshed(ready, shots);
  }

  #draw(shots) {
    if (shots.length) {
      const { wipe, gain, mode } = this.view;
      const picture = shots[0].picture ?? shots[0].before;
      if (picture) this.seen = { width: picture.width, height: picture.height };
      this.ui.stage.draw(shots, { mode, wipe, gain, ...this.size });
    }
    if (this.drawnAt !== this.position) this.player.drew(performance.now());
    this.drawnAt = this.position;
    const ready = `frame:${this.number}`;
    if (page.ready !== ready) page.ready = ready;
    page.size = shots.map((shot) => shot.size).filter(Boolean).sort().at(-1) ?? ""; // the smallest, as "full" < "half" < "thumb"
    page.look = this.look;
  }

  // First what is shown, then what comes next in the direction of playing, then some of those before.
  #load(shots) {
    const { look, sizes, player } = this;
    const plan = [];
    const add = (shot, size, decode, now) => {
      const wanted = shot.sequence.state(shot.batch, shot.number) === PRESENT ? shot : before(shot);
      if (wanted) plan.push(request(wanted, size, look, decode, now));
    };
    for (const shot of shots) add(shot, sizes[0], true, true);
    if (sizes[1]) for (const shot of shots) if (!shot.words) add(shot, sizes[1], true, true);
    if (shots.length && this.a.length) {
      const [first, last] = this.range;
      const most = Math.min(player.playing ? AHEAD.playing : AHEAD.paused, last - first);
      // In real time a frame whose turn comes before it can be here is not worth a request.
      const lead = player.playing && player.timing === "real" ? Math.min(Math.floor(this.frames.seconds * this.fps * player.speed), 96) : 0;
      const steps = [];
      for (let step = 1 + lead; step <= most; step++) steps.push([step * this.direction, step <= lead + DECODED / shots.length]);
      for (let step = 1; step <= Math.min(BEHIND, most); step++) steps.push([-step * this.direction, !player.playing]);
      const planned = new Set([this.position]);
      for (const [step, decode] of steps) {
        const to = this.ahead(step);
        if (to === null || planned.has(to)) continue;
        planned.add(to);
        for (const shot of shotsAt(this, to)) if (shot.sequence.state(shot.batch, shot.number) === PRESENT) plan.push(request(shot, sizes[0], look, decode));
      }
    }
    this.frames.want(plan, { abort: !player.playing });
  }

  // Positions of A whose files are in memory.
  held() {
    const found = [];
    const { a, look, view } = this;
    for (const { tag } of this.frames.held()) {
      if (tag.sequence === a.id && tag.batch === view.aBatch && tag.look === look) found.push(a.at(tag.number));
    }
    return found;
  }

  link() { return write(this.view); }
}
