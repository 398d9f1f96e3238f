// The large picture: one, two or several frames on a canvas, and words and hatching where a frame cannot be shown.

const GAP = 6; // CSS pixels between tiles
const HATCH = { missing: "#d0564f", broken: "#d0564f", awaited: "#7d8590" };

export class Stage {
  constructor(canvas, { moved, divided, pointed }) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.zoom = 1;
    this.pan = [0, 0]; // in parts of the picture's size
    this.moved = moved;
    this.divided = divided;
    this.pointed = pointed;
    this.boxes = [];
    this.cross = null; // the probe's pixel, in parts of the picture's size
    this.extra = document.createElement("canvas");
    new ResizeObserver(() => { this.#fit(); moved(); }).observe(canvas.parentElement);
    this.#fit();
    this.#listen();
  }

  #fit() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(box.width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * this.ratio));
  }

  // Where the pictures go, in canvas pixels: {x, y, width, height} of each, and the cell that it may not leave.
  arrange(count, width, height, mode) {
    const tiles = mode === "tile" || mode === "variations" ? count : 1;
    const gap = tiles > 1 ? Math.round(GAP * this.ratio) : 0;
    const across = this.canvas.width, down = this.canvas.height;
    let best = { scale: 0 };
    for (let columns = 1; columns <= tiles; columns++) {
      const rows = Math.ceil(tiles / columns);
      const cell = { width: Math.floor((across - gap * (columns - 1)) / columns), height: Math.floor((down - gap * (rows - 1)) / rows) };
      const scale = Math.min(cell.width / width, cell.height / height);
      if (scale > best.scale) best = { scale, columns, cell };
    }
    this.fitted = best.scale;
    const scale = best.scale * this.zoom;
    return Array.from({ length: count }, (_, at) => {
      const tile = tiles > 1 ? at : 0;
      const left = (tile % best.columns) * (best.cell.width + gap), top = Math.floor(tile / best.columns) * (best.cell.height + gap);
      const wide = Math.max(1, Math.round(width * scale)), high = Math.max(1, Math.round(height * scale));
      return {
        x: Math.round(left + (best.cell.width - wide) / 2 + this.pan[0] * wide), y: Math.round(top + (best.cell.height - high) / 2 + this.pan[1] * high),
        width: wide, height: high, cell: { x: left, y: top, ...best.cell },
      };
    });
  }

  // shots: [{picture, before, words, kind, label}], one for each box.
  draw(shots, { mode, width, height, wipe, gain }) {
    const { context } = this;
    this.mode = mode;
    this.wipe = wipe;
    this.boxes = this.arrange(shots.length, width, height, mode);
    context.fillStyle = "#0c0d0e";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (mode === "difference" && shots.every((shot) => shot.picture)) this.#difference(shots, gain);
    else shots.forEach((shot, at) => this.#shot(shot, this.boxes[at], this.#part(mode, wipe, at)));
    if (mode === "wipe") this.#divider();
    if (mode !== "single" && mode !== "difference") shots.forEach((shot, at) => this.#label(shot.label, at));
    if (this.cross) this.#cross();
    this.canvas.dataset.boxes = JSON.stringify(this.boxes.map((box) => [box.x, box.y, box.width, box.height]));
  }

  // The part of the canvas that a shot may fill: of a wipe, A is left of the divider and B right of it.
  #part(mode, wipe, at) {
    const { x, y, width, height, cell } = this.boxes[at];
    if (mode !== "wipe") return cell;
    const divider = x + Math.round(width * wipe);
    return at === 0 ? { x, y, width: divider - x, height } : { x: divider, y, width: x + width - divider, height };
  }

  #shot(shot, box, part) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(part.x, part.y, part.width, part.height);
    context.clip();
    context.imageSmoothingEnabled = !shot.picture || box.width / shot.picture.width < 3; // pixels are seen when they are large
    context.imageSmoothingQuality = "high";
    if (shot.picture) context.drawImage(shot.picture, ...this.#inside(shot.picture, box));
    else this.#absent(shot, box, part);
    context.restore();
  }

  // A frame of another shape than its sequence keeps its shape.
  #inside({ width, height }, box) {
    if (Math.abs((width * box.height) / (height * box.width) - 1) < 0.02) return [box.x, box.y, box.width, box.height];
    const scale = Math.min(box.width / width, box.height / height);
    return [box.x + (box.width - width * scale) / 2, box.y + (box.height - height * scale) / 2, width * scale, height * scale].map(Math.round);
  }

  #absent(shot, box, part) {
    const { context } = this;
    context.fillStyle = "#141618";
    context.fillRect(box.x, box.y, box.width, box.height);
    if (shot.before) {
      context.globalAlpha = 0.3;
      context.drawImage(shot.before, ...this.#inside(shot.before, box));
      context.globalAlpha = 1;
    }
    if (!shot.words) return;
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.clip();
    context.strokeStyle = HATCH[shot.kind];
    context.globalAlpha = 0.34;
    context.lineWidth = 2 * this.ratio;
    const step = 16 * this.ratio;
    context.beginPath();
    for (let x = box.x - box.height; x < box.x + box.width; x += step) {
      context.moveTo(x, box.y + box.height);
      context.lineTo(x + box.height, box.y);
    }
    context.stroke();
    context.globalAlpha = 1;
    const left = Math.max(box.x, part.x), right = Math.min(box.x + box.width, part.x + part.width);
    this.#words(shot, (left + right) / 2, box.y + box.height / 2, right - left);
  }

  #words({ words, kind }, x, y, width) {
    const { context, ratio } = this;
    const size = Math.max(11, Math.min(20, width / ratio / 18)) * ratio;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = `600 ${size}px system-ui, sans-serif`;
    const lines = [words.title];
    const room = Math.max(80 * ratio, Math.min(width - 48 * ratio, 560 * ratio));
    const small = `${size * 0.72}px system-ui, sans-serif`;
    let widest = context.measureText(words.title).width;
    context.font = small;
    let line = "";
    for (const word of words.text.split(/\s+/).filter(Boolean)) {
      if (line && context.measureText(`${line} ${word}`).width > room) { lines.push(line); line = word; } else line = line ? `${line} ${word}` : word;
      if (lines.length > 4) break;
    }
    if (line) lines.push(lines.length > 4 ? "…" : line);
    widest = Math.max(widest, ...lines.slice(1).map((one) => context.measureText(one).width));
    const high = size * 1.5 + (lines.length - 1) * size * 1.05 + size * 0.9;
    const top = y - high / 2;
    context.fillStyle = "#0c0d0eeb";
    context.beginPath();
    context.roundRect(x - widest / 2 - size * 1.1, top, widest + size * 2.2, high, 8 * ratio);
    context.fill();
    context.strokeStyle = HATCH[kind];
    context.lineWidth = ratio;
    context.stroke();
    context.fillStyle = "#f1f2f3";
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.fillText(words.title, x, top + size * 1.2);
    context.font = small;
    context.fillStyle = "#b8bdc4";
    lines.slice(1).forEach((text, at) => context.fillText(text, x, top + size * 2.35 + at * size * 1.05));
  }

  #difference(shots, gain) {
    const [box] = this.boxes;
    const { extra, context } = this;
    // At the size of the files' pictures, so that what is subtracted are pixels, and not their scaled copies.
    extra.width = Math.max(...shots.map((shot) => shot.picture.width));
    extra.height = Math.max(...shots.map((shot) => shot.picture.height));
    const paper = extra.getContext("2d", { alpha: false });
    paper.globalCompositeOperation = "copy";
    paper.drawImage(shots[0].picture, 0, 0, extra.width, extra.height);
    paper.globalCompositeOperation = "difference";
    paper.drawImage(shots[1].picture, 0, 0, extra.width, extra.height);
    paper.globalCompositeOperation = "lighter"; // each time it adds itself, it doubles
    for (let doubled = 1; doubled < gain; doubled *= 2) paper.drawImage(extra, 0, 0);
    context.imageSmoothingEnabled = box.width / extra.width < 3;
    context.drawImage(extra, box.x, box.y, box.width, box.height);
  }

  #divider() {
    const { context, ratio } = this;
    const [box] = this.boxes;
    const x = box.x + Math.round(box.width * this.wipe);
    context.fillStyle = "#ffffffd9";
    context.fillRect(x - ratio, Math.max(box.y, 0), 2 * ratio, Math.min(box.height, this.canvas.height));
    context.beginPath();
    context.arc(x, Math.min(Math.max(box.y + box.height / 2, 0), this.canvas.height), 9 * ratio, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = "#16181a";
    context.font = `700 ${10 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText("↔", x, box.y + box.height / 2 + ratio / 2);
  }

  #label(text, at) {
    if (!text) return;
    const { context, ratio } = this;
    const box = this.boxes[at], { cell } = box;
    const size = 12 * ratio, edge = 8 * ratio;
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    const left = Math.max(box.x, cell.x), right = Math.min(box.x + box.width, cell.x + cell.width), top = Math.max(box.y, cell.y);
    let shown = text;
    while (shown.length > 4 && context.measureText(shown).width > (right - left) * 0.6) shown = shown.slice(0, -2).replace(/…?$/, "…");
    const width = context.measureText(shown).width + size;
    const x = this.mode === "wipe" && at === 1 ? right - edge - width : left + edge;
    context.fillStyle = "#0c0d0ecc";
    context.beginPath();
    context.roundRect(x, top + edge, width, size * 1.8, 4 * ratio);
    context.fill();
    context.fillStyle = "#f1f2f3";
    context.fillText(shown, x + size / 2, top + edge + size * 0.92);
  }

  #cross() {
    const { context, ratio } = this;
    for (const box of this.boxes) {
      const x = box.x + this.cross[0] * box.width, y = box.y + this.cross[1] * box.height;
      for (const [colour, width] of [["#000000b0", 3], ["#ffffff", 1]]) {
        context.strokeStyle = colour;
        context.lineWidth = width * ratio;
        context.beginPath();
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(x + dx * 4 * ratio, y + dy * 4 * ratio);
          context.lineTo(x + dx * 11 * ratio, y + dy * 11 * ratio);
        }
        context.stroke();
      }
    }
  }

  // Which picture a point of the page is in, and where in it, from 0 to 1; null if it is in none.
  hit(event) {
    const frame = this.canvas.getBoundingClientRect();
    const x = (event.clientX - frame.left) * this.ratio, y = (event.clientY - frame.top) * this.ratio;
    for (const [at, box] of this.boxes.entries()) {
      const { cell } = box;
      const across = (x - box.x) / box.width, down = (y - box.y) / box.height;
      const inside = x >= cell.x && x < cell.x + cell.width && y >= cell.y && y < cell.y + cell.height;
      if (inside && across >= 0 && across < 1 && down >= 0 && down < 1) {
        return { at: this.mode === "wipe" ? Number(across >= this.wipe) : at, x: across, y: down };
      }
    }
    return null;
  }

  setZoom(zoom, pan = this.pan) {
    this.zoom = Math.min(Math.max(zoom, 1), 64);
    this.pan = this.zoom === 1 ? [0, 0] : pan.map((one) => Math.min(Math.max(one, -0.5), 0.5));
    this.moved();
  }

  #listen() {
    const { canvas } = this;
    let drag = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015));
      const point = this.hit(event);
      const zoom = Math.min(Math.max(this.zoom * factor, 1), 64);
      // The picture's point below the pointer stays below it.
      const pan = point ? [point.x, point.y].map((at, axis) => (this.pan[axis] + at - 0.5) * (this.zoom / zoom) - at + 0.5) : this.pan;
      this.setZoom(zoom, pan);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      const [box] = this.boxes;
      const divider = this.mode === "wipe" && box ? box.x + box.width * this.wipe : NaN;
      const x = (event.clientX - canvas.getBoundingClientRect().left) * this.ratio;
      const wiping = this.mode === "wipe" && (Math.abs(x - divider) < 24 * this.ratio || this.zoom === 1);
      drag = { wiping, x: event.clientX, y: event.clientY, pan: [...this.pan] };
      if (wiping) this.#divide(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (drag?.wiping) this.#divide(event);
      else if (drag && this.zoom > 1 && this.boxes[0]) {
        const { width, height } = this.boxes[0];
        this.setZoom(this.zoom, [drag.pan[0] + ((event.clientX - drag.x) * this.ratio) / width, drag.pan[1] + ((event.clientY - drag.y) * this.ratio) / height]);
      }
      this.pointed(this.hit(event));
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { drag = null; });
  }

  #divide(event) {
    const [box] = this.boxes;
    if (!box) return;
    const x = (event.clientX - this.canvas.getBoundingClientRect().left) * this.ratio;
    this.divided(Math.min(Math.max((x - box.x) / box.width, 0), 1));
  }
}
