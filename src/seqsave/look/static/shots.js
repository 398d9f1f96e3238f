// What a mode shows at a position: for each picture its sequence, batch and number, and the file that shows it.

import { BROKEN, MISSING, PRESENT } from "./sequence.js";
import { pictureUrl } from "./server.js";

export const PAGE = 16; // variations shown at a time
export const COMPARING = ["wipe", "difference", "tile"];
const KINDS = ["missing", "present", "broken", "awaited"];
const SMALL = 160; // pixels across; the width of a "thumb"

export function lookOf({ ev, gamma, channels }) {
  return [ev && `ev=${ev}`, gamma !== 1 && `gamma=${gamma}`, channels !== "rgb" && `ch=${channels}`].filter(Boolean).join("&");
}

// {sequence, batch, number, label} of each picture.
export function shotsAt(app, position) {
  const { view } = app;
  const number = app.a.numbers[position];
  if (number === undefined || view.mode === "sheet") return [];
  const a = { sequence: app.a, batch: view.aBatch, number };
  if (view.mode === "variations") {
    const start = app.page * PAGE;
    return app.a.batches.slice(start, start + PAGE).map((name, at) => ({ ...a, batch: start + at, label: name === null ? app.a.facts.name : `batch ${name}` }));
  }
  if (!COMPARING.includes(view.mode) || !app.b) return [{ ...a, label: "" }];
  const b = { sequence: app.b, batch: view.bBatch, number: number + view.shift };
  return [{ ...a, label: `A  ${number}` }, { ...b, label: `B  ${b.number}` }];
}

export const halfWidth = (width) => Math.max(Math.ceil(width / 2), Math.min(width, 640));

// The sizes to load for a picture that is so many pixels wide on the screen: first the one to wait for.
export function sizesFor(width, across, playing, mode) {
  if (across <= SMALL) return ["thumb"];
  if (!playing && mode === "difference") return ["half", "full"]; // what JPEG loses should not look like a difference
  if (!playing && width > halfWidth(width) && across > halfWidth(width) * 1.1) return ["half", "full"];
  return ["half"];
}

const keyOf = ({ sequence, batch, number }, size, look) => `${sequence.id}:${batch}:${number}:${size}:${look}`;

export function request(shot, size, look, decode, now = false) {
  return {
    key: keyOf(shot, size, look), decode, now,
    get url() { return pictureUrl(shot.sequence, shot.batch, shot.number, size, look); },
    tag: { sequence: shot.sequence.id, batch: shot.batch, number: shot.number, look, size },
  };
}

// The frame that is shown dimmed beneath a gap: the last one before it that exists.
export function before(shot) {
  const { sequence, batch, number } = shot;
  if (!sequence.length) return null;
  const at = sequence.at(number);
  const position = sequence.find(batch, sequence.numbers[at] < number ? at + 1 : at, -1, PRESENT);
  return position === null ? null : { ...shot, number: sequence.numbers[position] };
}

// Fills a shot with what can be drawn of it now. .ready: nothing that it needs is still on its way.
export function fill(frames, shot, sizes, look) {
  const state = shot.sequence.state(shot.batch, shot.number);
  if (state === PRESENT) {
    for (const size of [...sizes].reverse()) {
      const found = frames.get(keyOf(shot, size, look));
      if (found?.picture) return { ...shot, picture: found.picture, size, ready: true };
    }
    return { ...shot, ready: false };
  }
  const words = shot.sequence.words(shot.batch, shot.number);
  const under = before(shot);
  const found = under && frames.get(keyOf(under, sizes[0], look));
  return { ...shot, words, kind: KINDS[state], before: found?.picture ?? null, ready: !under || Boolean(found) };
}

// What an answer in place of a picture means for the sequence; true if that is new.
export function learn(sequence, entry) {
  const { batch, number } = entry.tag;
  return sequence.learn(batch, number, entry.problem.status === 404 ? MISSING : BROKEN, entry.problem.words);
}
