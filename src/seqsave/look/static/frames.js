// The frames that are in memory. Files wait compressed; only those around the playhead are decoded. Both are bounded.

import { failure } from "./server.js";

const MEGABYTE = 1 << 20;
const FILES = 96 * MEGABYTE, PICTURES = 128 * MEGABYTE;
const REQUESTS = 4; // of the six that a browser allows; one belongs to the events, one to the panel and the probe
const DECODES = 3;

export class Frames {
  #entries = new Map(); // key -> entry; the oldest use first
  #plan = new Map(); // key -> request, the most urgent first
  #fetching = new Map(); // key -> AbortController
  #decoding = new Set();
  #fileBytes = 0;
  #pictureBytes = 0;
  #area = 0; // bytes of the picture that was decoded last

  // loaded(entry) is called whenever a frame can be shown, or is known not to be.
  constructor({ loaded, arrived, files = FILES, pictures = PICTURES }) {
    this.limits = { files, pictures };
    this.loaded = loaded;
    this.arrived = arrived;
    this.seconds = 0.1; // how long a request takes, averaged
  }

  // What can be shown at once: {picture} or {problem}; undefined while it is on its way.
  get(key) {
    const entry = this.#entries.get(key);
    return entry && (entry.picture || entry.problem) ? entry : undefined;
  }

  holds(key) { return Boolean(this.#entries.get(key)?.file); }

  // The entries whose files are in memory.
  *held() { for (const entry of this.#entries.values()) if (entry.file) yield entry; }

  // Whether a file or a picture is on its way.
  get busy() { return this.#fetching.size + this.#decoding.size > 0; }

  get bytes() { return { files: this.#fileBytes, pictures: this.#pictureBytes }; }

  // requests: {key, url, decode, tag}, the most urgent first. Requests under way that are not in it end if abort is true.
  want(requests, { abort }) {
    this.#plan = new Map();
    for (const request of requests) if (!this.#plan.has(request.key)) this.#plan.set(request.key, request);
    if (abort) for (const [key, controller] of this.#fetching) if (!this.#plan.has(key)) controller.abort();
    this.#work();
  }

  forget(matches) {
    for (const [key, entry] of this.#entries) if (matches(entry.tag, entry.problem)) this.#remove(key, entry);
    for (const controller of this.#fetching.values()) if (matches(controller.tag, null)) controller.abort();
  }

  #work() {
    let room = this.limits.pictures; // of decoded pictures, for those that are wanted first
    for (const [key, request] of this.#plan) {
      const entry = this.#entries.get(key);
      if (request.decode) room -= entry?.problem ? 0 : entry?.area ?? this.#area;
      if (entry) {
        this.#entries.delete(key); // used again: to the end of the order
        this.#entries.set(key, entry);
        const isOpen = entry.picture || entry.problem || !entry.file;
        if (request.decode && !isOpen && (room >= 0 || request.now)) this.#decode(key, entry);
      } else if (!this.#fetching.has(key) && this.#fetching.size < REQUESTS && this.#room(key)) {
        this.#fetch(key, request);
      }
      if (this.#fetching.size >= REQUESTS && this.#decoding.size >= DECODES) break;
    }
  }

  // Makes room for one more file: what is not wanted goes first, then what is wanted later than this one.
  #room(key) {
    const files = Math.max(this.#entries.size, 1);
    const expected = (1 + this.#fetching.size) * (this.#fileBytes / files || 0);
    const isThere = () => this.#fileBytes + expected < this.limits.files;
    for (const [other, entry] of this.#entries) {
      if (isThere()) return true;
      if (!this.#plan.has(other)) this.#remove(other, entry);
    }
    if (isThere()) return true;
    const wanted = [...this.#plan.keys()];
    for (const other of wanted.slice(wanted.indexOf(key) + 1).reverse()) {
      const entry = this.#entries.get(other);
      if (entry) this.#remove(other, entry);
      if (isThere()) return true;
    }
    return false;
  }

  async #fetch(key, request) {
    const controller = new AbortController();
    controller.tag = request.tag;
    this.#fetching.set(key, controller);
    const start = performance.now();
    const entry = { tag: request.tag, file: null, picture: null, problem: null };
    try {
      const answer = await fetch(request.url, { signal: controller.signal });
      if (answer.ok) {
        entry.file = await answer.blob();
        this.#fileBytes += entry.file.size;
      } else {
        const error = await failure(answer);
        if (answer.status !== 404 && answer.status !== 422) throw error;
        entry.problem = { status: answer.status, reason: error.reason, words: error.message };
      }
      this.seconds += 0.2 * ((performance.now() - start) / 1000 - this.seconds);
      this.#entries.set(key, entry);
      this.arrived(true);
    } catch (error) {
      if (error.name !== "AbortError") {
        this.arrived(false, error);
        await new Promise((done) => setTimeout(done, 1000)); // before the plan asks for it again
      }
    } finally {
      this.#fetching.delete(key);
    }
    if (entry.problem) this.loaded(entry);
    this.#work();
  }

  async #decode(key, entry) {
    if (this.#decoding.has(key) || this.#decoding.size >= DECODES) return;
    this.#decoding.add(key);
    let picture = null;
    try {
      picture = await createImageBitmap(entry.file);
    } catch {
      entry.problem = { status: 422, reason: "broken", words: "The browser cannot decode the picture that the server sent." };
    }
    this.#decoding.delete(key);
    if (this.#entries.get(key) !== entry) {
      picture?.close(); // it was removed while it was decoded
    } else {
      if (picture) {
        entry.picture = picture;
        entry.area = this.#area = picture.width * picture.height * 4;
        this.#pictureBytes += entry.area;
        this.#limit();
      }
      this.loaded(entry);
    }
    this.#work(); // in every case, as others may wait for this turn
  }

  #limit() {
    const wanted = [...this.#plan.values()].filter((one) => one.decode).map((one) => one.key);
    const order = [...this.#entries.keys()].filter((key) => !wanted.includes(key)).concat(wanted.reverse());
    for (const key of order) {
      if (this.#pictureBytes <= this.limits.pictures) return;
      const entry = this.#entries.get(key);
      if (entry?.picture && !this.#plan.get(key)?.now) this.#close(entry);
    }
  }

  #close(entry) {
    this.#pictureBytes -= entry.area;
    entry.picture.close();
    entry.picture = null;
  }

  #remove(key, entry) {
    if (entry.picture) this.#close(entry);
    if (entry.file) this.#fileBytes -= entry.file.size;
    this.#entries.delete(key);
  }
}
