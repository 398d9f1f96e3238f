// Beside the picture: what is known of the frame, what its file states, its metadata and workflow, the file itself.

import * as server from "./server.js";

const LONG = 12_000; // characters of a value that are shown at first

const make = (tag, { text, ...properties } = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
};

const bytes = (number) => {
  if (typeof number !== "number") return null;
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (number >= 1000 && at < units.length - 1) { number /= 1000; at++; }
  return `${number.toLocaleString("en", { maximumFractionDigits: at ? 1 : 0 })} ${units[at]}`;
};

const moment = (value) => {
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  return value == null || Number.isNaN(date.valueOf()) ? value : date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
};

function pretty(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : text;
  } catch { return text; }
}

export class Panel {
  #request = null;

  constructor(element, { noted }) {
    this.element = element;
    this.noted = noted; // shows a short message
    this.shown = "";
    this.open = new Set(["workflow"]); // names of values that are unfolded
  }

  clear() {
    this.#request?.abort();
    this.shown = "";
  }

  async show(sequence, batch, number) {
    const key = `${sequence.id}:${batch}:${number}:${sequence.version(batch, number)}`;
    if (key === this.shown) return;
    this.#request?.abort();
    const controller = (this.#request = new AbortController());
    let facts;
    try {
      facts = await server.about(sequence, batch, number, controller.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.shown = key;
      this.element.dataset.shown = number;
      this.element.replaceChildren(this.#heading(number), make("p", { className: "note", text: error.message }));
      return;
    }
    this.shown = key;
    this.#fill(sequence, batch, number, facts);
    this.element.dataset.shown = number;
  }

  absent(words, number) {
    this.clear();
    this.element.replaceChildren(this.#heading(number), make("p", { className: "note", text: words.text }));
    this.element.dataset.shown = number;
  }

  #heading(number) { return make("h2", { text: `Frame ${number}` }); }

  #fill(sequence, batch, number, facts) {
    const size = facts.width && facts.height ? `${facts.width} × ${facts.height}` : null;
    const parts = [this.#heading(number)];
    if (facts.problem) parts.push(make("p", { className: "problem", text: facts.problem }));
    parts.push(this.#table([
      ["File", facts.name], ["Size", bytes(facts.bytes)], ["Changed", moment(facts.modified)], ["Picture", size], ["Values", facts.dtype],
      ["Channels", facts.channels?.join(", ")], ["Checksum", facts.checksum],
    ]));
    const link = make("a", { className: "button", href: server.originalUrl(sequence, batch, number), text: "Download this file" });
    link.setAttribute("download", facts.name ?? "");
    parts.push(make("p", {}, link));
    const info = Object.entries(facts.info ?? {});
    if (info.length) parts.push(make("h3", { text: "What the file states" }), this.#table(info.map(([name, text]) => [name.replaceAll("_", " "), text])));
    const metadata = Object.entries(facts.metadata ?? {});
    parts.push(make("h3", { text: "Metadata" }));
    if (!metadata.length) parts.push(make("p", { className: "note", text: "This file has none." }));
    const order = (name) => (name === "workflow" ? 0 : name === "prompt" ? 1 : 2);
    metadata.sort(([one], [other]) => order(one) - order(other) || one.localeCompare(other));
    for (const [name, text] of metadata) parts.push(this.#value(name, String(text), number));
    this.element.replaceChildren(...parts);
  }

  #table(rows) {
    const list = make("dl");
    for (const [name, value] of rows) if (value != null && value !== "") list.append(make("dt", { text: name }), make("dd", { text: value }));
    return list;
  }

  #value(name, text, number) {
    const whole = pretty(text);
    if (whole.length <= 60 && !whole.includes("\n")) return this.#table([[name, whole]]);
    const details = make("details", { open: this.open.has(name) });
    details.addEventListener("toggle", () => { if (details.open) this.open.add(name); else this.open.delete(name); });
    const content = make("pre", { text: whole.slice(0, LONG), tabIndex: 0 });
    content.setAttribute("role", "region");
    content.setAttribute("aria-label", name);
    const tools = make("p", { className: "tools" });
    tools.append(this.#button("Copy", async () => {
      await navigator.clipboard.writeText(text);
      this.noted(`${name} copied`);
    }), this.#button("Save as file", () => this.#save(`${name}_${number}.${whole === text ? "txt" : "json"}`, text)));
    if (whole.length > LONG) {
      const more = this.#button(`Show all ${whole.length.toLocaleString("en")} characters`, () => { content.textContent = whole; more.remove(); });
      tools.append(more);
    }
    details.append(make("summary", { text: name }), tools, content);
    return details;
  }

  #button(text, action) {
    const button = make("button", { type: "button", text });
    button.addEventListener("click", async () => {
      try { await action(); } catch (error) { this.noted(`${text}: ${error.message}`); }
    });
    return button;
  }

  #save(name, text) {
    const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}
