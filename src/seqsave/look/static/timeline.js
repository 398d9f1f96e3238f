// The timeline: every position of the sequence, what is wrong with it, what is in memory, the range and the playhead.

import { AWAITED, BROKEN, MISSING, PRESENT } from "./sequence.js";

const COLOURS = { [PRESENT]: "#4a5058", [MISSING]: "#d0564f", [BROKEN]: "#d0564f", [AWAITED]: "#2a2e33" };
const WORST = [2, 0, 3, 1]; // of MISSING, PRESENT, BROKEN, AWAITED: what a column of several frames shows
const EDGE = 10; // CSS pixels left and right of the first and last frame
const TRACK = { top: 20, height: 18 }, CACHE = { top: 41, height: 3 };

export class Timeline {
  constructor(slider, { sought, hovered }) {
    this.slider = slider;
    this.canvas = slider.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.sought = sought;
    this.hovered = hovered;
    this.window = null; // [first, last] position while zoomed in
    this.model = null;
    new ResizeObserver(() => { this.#fit(); this.draw(); }).observe(slider);
    this.#fit();
    this.#listen();
  }

  #fit() {
    const box = this.slider.getBoundingClientRect();
    this.ratio = window.devicePixelRatio || 1;
    this.width = Math.max(1, box.width);
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(box.height * this.ratio);
    this.columns = null;
  }

  // model: {sequence, batch, position, first, last, held: positions in memory}
  show(model) {
    const { sequence, batch } = model;
    const shown = this.model;
    if (shown?.sequence !== sequence || shown.batch !== batch) this.window = null;
    if (shown?.states !== sequence.states[batch]) this.columns = null;
    this.model = { ...model, states: sequence.states[batch] };
    if (this.window) this.#follow();
    this.draw();
  }

  changed() { this.columns = null; this.draw(); }

  get span() { return this.window ?? [0, Math.max((this.model?.sequence.length ?? 1) - 1, 0)]; }

  #x(position) {
    const [first, last] = this.span;
    return EDGE + ((position - first + 0.5) / (last - first + 1)) * (this.width - 2 * EDGE);
  }

  #position(x) {
    const [first, last] = this.span;
    const at = first + Math.floor(((x - EDGE) / (this.width - 2 * EDGE)) * (last - first + 1));
    return Math.min(Math.max(at, first), last);
  }

  #follow() {
    const [first, last] = this.window;
    const { position, sequence } = this.model;
    const wide = last - first;
    if (position >= first && position <= last) return;
    const start = Math.min(Math.max(position < first ? position - Math.floor(wide / 2) : position - Math.floor(wide / 4), 0), Math.max(sequence.length - 1 - wide, 0));
    this.window = [start, start + wide];
    this.columns = null;
  }

  zoom(factor, around = this.model?.position ?? 0) {
    const all = this.model?.sequence.length ?? 0;
    const [first, last] = this.span;
    const wide = Math.round((last - first + 1) * factor);
    if (wide >= all || all < 20) this.window = null;
    else {
      const size = Math.max(wide, 20);
      const part = (around - first) / (last - first + 1);
      const start = Math.min(Math.max(Math.round(around - part * size), 0), all - size);
      this.window = [start, start + size - 1];
    }
    this.columns = null;
    this.draw();
  }

  // For each pixel across the track the worst state of its frames, so that no gap is too narrow to be seen.
  #worst() {
    if (this.columns) return this.columns;
    const [first, last] = this.span;
    const across = Math.round((this.width - 2 * EDGE) * this.ratio);
    const columns = new Uint8Array(Math.max(across, 1)).fill(PRESENT);
    const { states } = this.model;
    const each = across / (last - first + 1);
    for (let at = first; at <= last; at++) {
      const state = states[at];
      if (state === PRESENT) continue;
      const from = Math.floor((at - first) * each), to = Math.max(Math.ceil((at - first + 1) * each), from + 2);
      for (let column = from; column < to && column < columns.length; column++) if (WORST[state] > WORST[columns[column]]) columns[column] = state;
    }
    return (this.columns = columns);
  }

  draw() {
    if (!this.model || !this.model.sequence.length) return;
    const { context, ratio } = this;
    const { sequence, position, first, last } = this.model;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.fillStyle = COLOURS[PRESENT];
    const left = EDGE * ratio, top = TRACK.top * ratio, high = TRACK.height * ratio;
    const columns = this.#worst();
    context.fillRect(left, top, columns.length, high);
    for (let start = 0; start < columns.length;) {
      let end = start;
      while (end < columns.length && columns[end] === columns[start]) end++;
      if (columns[start] !== PRESENT) this.#stretch(left + start, top, end - start, high, columns[start]);
      start = end;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#cells();
    this.#held();
    this.#numbers();
    const from = first === null ? null : this.#x(sequence.at(first)), to = last === null ? null : this.#x(sequence.at(last));
    if (from !== null || to !== null) this.#range(from ?? EDGE, to ?? this.width - EDGE);
    this.#playhead(this.#x(position));
  }

  #stretch(x, y, width, height, state) {
    const { context, ratio } = this;
    context.fillStyle = state === AWAITED ? COLOURS[AWAITED] : "#3b2020";
    context.fillRect(x, y, width, height);
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    if (state === BROKEN || width < 3) {
      context.fillStyle = COLOURS[state];
      if (state !== AWAITED) context.fillRect(x, y, width, height);
    }
    if (state !== BROKEN && width >= 3) {
      context.strokeStyle = state === AWAITED ? "#454b53" : COLOURS[state];
      context.lineWidth = (state === AWAITED ? 1 : 1.5) * ratio;
      context.beginPath();
      const step = 5 * ratio;
      for (let at = x - height - ((x - height) % step); at < x + width; at += step) { context.moveTo(at, y + height); context.lineTo(at + height, y); }
      context.stroke();
    }
    context.restore();
  }

  #cells() {
    const { context } = this;
    const [first, last] = this.span;
    const each = (this.width - 2 * EDGE) / (last - first + 1);
    if (each < 5) return;
    context.fillStyle = "#16181a";
    for (let at = first + 1; at <= last; at++) context.fillRect(Math.round(EDGE + (at - first) * each) - 0.5, TRACK.top, 1, TRACK.height);
  }

  #held() {
    const { context } = this;
    const [first, last] = this.span;
    const each = (this.width - 2 * EDGE) / (last - first + 1);
    context.fillStyle = "#5fae8b";
    for (const position of this.model.held) {
      if (position >= first && position <= last) {
        const left = Math.round(EDGE + (position - first) * each), right = Math.round(EDGE + (position - first + 1) * each);
        context.fillRect(left, CACHE.top, Math.max(right - left, 1), CACHE.height);
      }
    }
  }

  #numbers() {
    const { context } = this;
    const { sequence } = this.model;
    const [first, last] = this.span;
    const digits = Math.max(String(sequence.numbers[first]).length, String(sequence.numbers[last]).length);
    const room = Math.max((this.width - 2 * EDGE) / (digits * 8 + 28), 1);
    const rough = (last - first + 1) / room;
    const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
    const step = Math.max(1, [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? 10 * power);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "alphabetic";
    context.fillStyle = "#9aa1a9";
    let end = -Infinity;
    const put = (position, always) => {
      const text = String(sequence.numbers[position]);
      const wide = context.measureText(text).width;
      const x = Math.min(Math.max(this.#x(position) - wide / 2, 2), this.width - wide - 2);
      if (x < end + 12 && !always) return;
      context.fillText(text, x, 12);
      context.fillRect(Math.round(this.#x(position)) - 0.5, 15, 1, 4);
      end = x + wide;
    };
    const final = String(sequence.numbers[last]);
    put(first, true);
    // On multiples of the step in the frames' own numbers, where they count evenly.
    const even = sequence.numbers[last] - sequence.numbers[first] === last - first;
    const start = even ? first + ((step - (((sequence.numbers[first] % step) + step) % step)) % step) : first + step;
    for (let at = start; at < last; at += step) if (this.#x(at) < this.width - context.measureText(final).width - 24) put(at, false);
    if (last > first) put(last, true);
  }

  #range(from, to) {
    const { context } = this;
    context.fillStyle = "#16181aa6";
    context.fillRect(EDGE, TRACK.top, Math.max(from - EDGE, 0), TRACK.height);
    context.fillRect(to, TRACK.top, Math.max(this.width - EDGE - to, 0), TRACK.height);
    context.fillStyle = "#e8b25a";
    context.fillRect(from, TRACK.top - 2, to - from, 2);
    for (const x of [from, to]) context.fillRect(x - 1, TRACK.top - 2, 2, TRACK.height + 4);
  }

  #playhead(x) {
    const { context } = this;
    const [first, last] = this.span;
    const each = (this.width - 2 * EDGE) / (last - first + 1);
    context.fillStyle = "#8ec2ff40";
    if (each > 3) context.fillRect(x - each / 2, TRACK.top, each, TRACK.height);
    context.fillStyle = "#8ec2ff";
    context.fillRect(x - 1, TRACK.top - 4, 2, TRACK.height + 10);
    context.beginPath();
    context.moveTo(x - 5, TRACK.top - 7);
    context.lineTo(x + 5, TRACK.top - 7);
    context.lineTo(x, TRACK.top - 1);
    context.fill();
  }

  #listen() {
    const { slider } = this;
    let dragging = false;
    const at = (event) => this.#position(event.clientX - slider.getBoundingClientRect().left);
    slider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.model) return;
      slider.setPointerCapture(event.pointerId);
      dragging = true;
      this.sought(at(event));
    });
    slider.addEventListener("pointermove", (event) => {
      if (!this.model) return;
      if (dragging) this.sought(at(event));
      this.hovered(at(event), event.clientX);
    });
    for (const name of ["pointerup", "pointercancel"]) slider.addEventListener(name, () => { dragging = false; });
    slider.addEventListener("pointerleave", () => this.hovered(null));
    slider.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * (event.deltaMode ? 0.05 : 0.002)), at(event));
    }, { passive: false });
    slider.addEventListener("dblclick", () => this.zoom(Infinity));
  }
}
