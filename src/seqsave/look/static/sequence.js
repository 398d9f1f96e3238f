// One sequence: its numbers in order, and a state for each number of each batch. Numbers come as runs [first, last, step].

export const MISSING = 0, PRESENT = 1, BROKEN = 2, AWAITED = 3;

const MOST = 4_000_000; // numbers of one sequence; above, the page would need more memory than it promises

const length = ([first, last, step]) => Math.floor((last - first) / (step || 1)) + 1;
export const count = (runs) => (runs ?? []).reduce((sum, run) => sum + length(run), 0);

// The numbers of all lists of runs, sorted, each once.
export function union(lists) {
  const different = [...new Map(lists.map((runs) => [JSON.stringify(runs), runs])).values()];
  const total = different.reduce((sum, runs) => sum + count(runs), 0);
  if (total > MOST) throw new RangeError(`${total.toLocaleString("en")} frames are more than this page can show (${MOST.toLocaleString("en")})`);
  const all = new Float64Array(total);
  let end = 0;
  for (const runs of different) for (const [first, last, step] of runs) for (let number = first; number <= last; number += step || 1) all[end++] = number;
  all.sort();
  let kept = 0;
  for (let at = 0; at < end; at++) if (at === 0 || all[at] !== all[at - 1]) all[kept++] = all[at];
  return all.slice(0, kept);
}

export class Sequence {
  constructor(facts) {
    this.forget(facts);
    this.update(facts);
  }

  forget({ version, stamp }) {
    this.versions = new Map(); // "batch:number" -> version of a frame that was replaced while the page is open
    this.found = new Map(); // "batch:number" -> what the page itself learned when it asked for the frame
    this.base = version;
    this.heard = stamp; // of the last look whose replaced frames the page knows
  }

  update(facts) {
    this.facts = facts;
    // A newer list knows better which files exist; why a file cannot be shown stays true until it is replaced.
    for (const [key, { state }] of this.found) if (state === MISSING) this.found.delete(key);
    this.id = facts.id;
    this.batches = facts.batches?.length ? facts.batches : [null];
    const absent = facts.missing ?? [];
    this.numbers = union([...facts.runs, ...absent.filter(Boolean), ...(facts.expected ? [facts.expected] : [])]);
    this.states = this.batches.map((_, batch) => this.#statesOf(batch));
  }

  #statesOf(batch) {
    const { facts, numbers } = this;
    const states = new Uint8Array(numbers.length);
    let newest = -Infinity;
    for (const [first, last, step] of facts.runs[batch] ?? []) {
      for (let number = first; number <= last; number += step || 1) states[this.at(number)] = PRESENT;
      newest = Math.max(newest, last);
    }
    // Behind the newest frame of a sequence that still grows, a number is not a gap: it has not been rendered yet.
    if (this.growing) for (let at = 0; at < states.length; at++) if (!states[at] && numbers[at] > newest) states[at] = AWAITED;
    this.newest ??= [];
    this.newest[batch] = newest;
    const broken = facts.broken?.[batch] ?? {};
    for (const number of Object.keys(broken)) {
      const at = this.at(Number(number));
      if (numbers[at] === Number(number)) states[at] = BROKEN;
    }
    for (const [key, { state }] of this.found) {
      const [of, number] = key.split(":").map(Number);
      const at = this.at(number);
      if (of === batch && numbers[at] === number && states[at] === PRESENT) states[at] = state;
    }
    return states;
  }

  get growing() { return this.facts.growing && this.facts.finished !== true; }

  get length() { return this.numbers.length; }

  // The position of a number, or of the nearest one.
  at(number) {
    const { numbers } = this;
    let low = 0, high = numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (numbers[middle] < number) low = middle + 1; else high = middle;
    }
    if (low === numbers.length) return Math.max(low - 1, 0);
    return low > 0 && number - numbers[low - 1] < numbers[low] - number ? low - 1 : low;
  }

  has(number) { return this.length > 0 && this.numbers[this.at(number)] === number; }

  state(batch, number) {
    if (!this.has(number)) return MISSING;
    return this.states[Math.min(batch, this.states.length - 1)][this.at(number)];
  }

  // The words for a frame that cannot be shown.
  words(batch, number) {
    const state = this.state(batch, number);
    if (state === AWAITED) return { title: `Frame ${number}: not yet`, text: "The sequence is still growing." };
    const why = this.found.get(`${batch}:${number}`)?.words;
    if (state === BROKEN) return { title: `Frame ${number} is broken`, text: why ?? this.facts.broken?.[batch]?.[number] ?? "" };
    if (this.has(number)) return { title: `Frame ${number} is missing`, text: why ?? "No file has this number." };
    return { title: `No frame ${number}`, text: "It is outside this sequence." };
  }

  // What a request for a frame taught the page; returns whether that is new.
  learn(batch, number, state, words) {
    const key = `${batch}:${number}`;
    if (this.found.get(key)?.words === words) return false;
    this.found.set(key, { state, words });
    if (this.has(number)) this.states[batch][this.at(number)] = state;
    return true;
  }

  replaced(batch, number, version) {
    this.versions.set(`${batch}:${number}`, version ?? Date.now());
    this.found.delete(`${batch}:${number}`);
    if (this.facts.broken?.[batch]) delete this.facts.broken[batch][number];
    if (this.has(number)) this.states[batch][this.at(number)] = PRESENT;
  }

  version(batch, number) { return this.versions.get(`${batch}:${number}`) ?? this.base; }

  // The next position in this direction whose state is one of these; null if there is none.
  find(batch, from, direction, ...states) {
    const list = this.states[batch];
    for (let at = from + direction; at >= 0 && at < list.length; at += direction) if (states.includes(list[at])) return at;
    return null;
  }

  tally(batch) {
    const sums = [0, 0, 0, 0];
    for (const state of this.states[batch]) sums[state]++;
    return { missing: sums[MISSING], present: sums[PRESENT], broken: sums[BROKEN], awaited: sums[AWAITED] };
  }

  get rate() { return this.facts.rate ? this.facts.rate[0] / this.facts.rate[1] : null; }

  label(batch) { return this.batches.length > 1 ? `${this.title}, batch ${this.batches[batch]}` : this.title; }
}

// The title of each: its name, with as much of its folder as distinguishes it from the others.
export function giveTitles(sequences) {
  let open = sequences.map((sequence) => ({ sequence, parts: sequence.facts.url.split("/") }));
  for (let taken = 1; open.length; taken++) {
    const seen = new Map();
    for (const one of open) {
      one.sequence.title = one.parts.slice(-taken).join("/");
      seen.set(one.sequence.title, (seen.get(one.sequence.title) ?? 0) + 1);
    }
    open = open.filter(({ sequence, parts }) => seen.get(sequence.title) > 1 && taken < parts.length);
  }
}
