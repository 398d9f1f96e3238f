// The contact sheet: a small picture of every frame. Only rows near the visible part are in the document.

import { AWAITED, BROKEN, MISSING, PRESENT } from "./sequence.js";
import { pictureUrl } from "./server.js";

const CELL = 168, CAPTION = 24, GAP = 8, SPARE = 2; // SPARE: rows kept above and below
const NAMES = { [MISSING]: "missing", [BROKEN]: "broken", [AWAITED]: "not yet" };
const KINDS = { [MISSING]: "missing", [BROKEN]: "broken", [AWAITED]: "awaited" };

export class Sheet {
  constructor(element, { chosen }) {
    this.element = element;
    this.inside = element.firstElementChild;
    this.chosen = chosen;
    this.cells = new Map(); // position -> element
    element.addEventListener("scroll", () => this.#fill(), { passive: true });
    new ResizeObserver(() => { this.#clear(); this.#fill(); }).observe(element);
  }

  // model: {sequence, batch, position, look}
  show(model) {
    const before = this.model;
    this.model = model;
    if (before?.sequence !== model.sequence || before.batch !== model.batch || before.look !== model.look || before.states !== model.sequence.states[model.batch]) this.#clear();
    this.model.states = model.sequence.states[model.batch];
    if (!before || before.position !== model.position || before.sequence !== model.sequence) this.#reveal();
    this.#fill();
  }

  changed() { this.#clear(); this.#fill(); }

  get columns() { return Math.max(1, Math.floor((this.element.clientWidth - GAP) / (CELL + GAP))); }

  // Of the width that whole cells leave, each gap between them gets the same part.
  get gap() { return Math.max(GAP, Math.floor((this.element.clientWidth - this.columns * CELL) / (this.columns + 1))); }

  get rows() { return Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight)); }

  get rowHeight() {
    const { width, height } = this.model.sequence.facts;
    return Math.round(Math.min(CELL * ((height || 9) / (width || 16)), CELL * 1.5)) + CAPTION + GAP;
  }

  #clear() {
    this.inside.replaceChildren();
    this.cells.clear();
  }

  #reveal() {
    const row = Math.floor(this.model.position / this.columns), { rowHeight } = this;
    const top = row * rowHeight, { scrollTop, clientHeight } = this.element;
    this.inside.style.height = `${Math.ceil(this.model.sequence.length / this.columns) * rowHeight + GAP}px`;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + rowHeight + GAP > scrollTop + clientHeight) this.element.scrollTop = top + rowHeight + GAP - clientHeight;
  }

  #fill() {
    if (!this.model || this.element.hidden) return;
    const { columns, rowHeight, gap } = this;
    const { sequence, position } = this.model;
    this.inside.style.height = `${Math.ceil(sequence.length / columns) * rowHeight + GAP}px`;
    const first = Math.max(0, (Math.floor(this.element.scrollTop / rowHeight) - SPARE) * columns);
    const last = Math.min(sequence.length, (Math.ceil((this.element.scrollTop + this.element.clientHeight) / rowHeight) + SPARE) * columns);
    for (const [at, cell] of this.cells) {
      if (at < first || at >= last) {
        cell.querySelector("img")?.removeAttribute("src"); // ends a request under way
        cell.remove();
        this.cells.delete(at);
      }
    }
    for (let at = first; at < last; at++) {
      let cell = this.cells.get(at);
      if (!cell) {
        cell = this.#cell(at);
        cell.style.transform = `translate(${gap + (at % columns) * (CELL + gap)}px, ${GAP + Math.floor(at / columns) * rowHeight}px)`;
        cell.style.width = `${CELL}px`;
        cell.style.height = `${rowHeight - GAP}px`;
        this.cells.set(at, cell);
        const next = this.cells.get(at + 1);
        if (next) next.before(cell); else this.inside.append(cell);
      }
      cell.setAttribute("aria-current", at === position ? "true" : "false");
    }
  }

  #cell(at) {
    const { sequence, batch, look } = this.model;
    const number = sequence.numbers[at];
    const cell = document.createElement("button");
    cell.type = "button";
    cell.className = "cell";
    cell.tabIndex = -1;
    cell.dataset.frame = number;
    const picture = document.createElement("span");
    picture.className = "picture";
    const caption = document.createElement("span");
    caption.textContent = number;
    cell.append(picture, caption);
    const absent = (state) => {
      cell.dataset.state = KINDS[state];
      picture.textContent = NAMES[state];
      cell.setAttribute("aria-label", `Frame ${number}, ${NAMES[state]}`);
    };
    if (sequence.states[batch][at] === PRESENT) {
      const image = new Image();
      image.alt = "";
      image.decoding = "async";
      image.src = pictureUrl(sequence, batch, number, "thumb", look);
      image.addEventListener("load", () => { cell.dataset.state = "shown"; });
      image.addEventListener("error", () => { if (image.src) absent(BROKEN); });
      picture.append(image);
      cell.setAttribute("aria-label", `Frame ${number}`);
    } else absent(sequence.states[batch][at]);
    cell.addEventListener("click", () => this.chosen(at));
    return cell;
  }
}
