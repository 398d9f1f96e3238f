// The keys: one list, which the page obeys and the help shows.

// [keys as events name them, what the help shows, words, what to call, its arguments]
export const KEYS = {
  "Play": [
    [[" "], "Space", "play or stop", "toggle"],
    [["l"], "L", "forward; again: faster", "shuttle", 1],
    [["k"], "K", "stop", "stop"],
    [["j"], "J", "backward; again: faster", "shuttle", -1],
    [["q"], "Q", "loop", "loop"],
    [["y"], "Y", "every frame or real time", "timing"],
  ],
  "Go to a frame": [
    [["ArrowRight", "."], "→", "next frame", "step", 1],
    [["ArrowLeft", ","], "←", "frame before", "step", -1],
    [["Shift+ArrowRight"], "Shift →", "10 frames on", "step", 10],
    [["Shift+ArrowLeft"], "Shift ←", "10 frames back", "step", -10],
    [["Home"], "Home", "first frame", "edge", -1],
    [["End"], "End", "last frame", "edge", 1],
    [["0–9", "-", "/"], "0–9", "go to this number", "number"],
    [["n"], "N", "next gap or broken frame", "problem", 1],
    [["Shift+N"], "Shift N", "the one before", "problem", -1],
    [["Shift+End"], "Shift End", "newest frame of a growing sequence", "newest"],
  ],
  "Range": [
    [["i"], "I", "begin here", "mark", "first"],
    [["o"], "O", "end here", "mark", "last"],
    [["x"], "X", "whole sequence", "clear"],
    [[">"], ">", "timeline: closer", "timeline", 0.5],
    [["<"], "<", "timeline: wider", "timeline", 2],
  ],
  "Compare": [
    [["s"], "S", "single", "mode", "single"],
    [["w"], "W", "wipe", "mode", "wipe"],
    [["d"], "D", "difference", "mode", "difference"],
    [["t"], "T", "tile", "mode", "tile"],
    [["v"], "V", "variations (batches)", "mode", "variations"],
    [["c"], "C", "contact sheet; Enter opens", "mode", "sheet"],
    [["Alt+ArrowRight"], "Alt →", "move the divider, or the probe", "nudge", 1, 0],
    [["Alt+ArrowLeft"], "Alt ←", "", "nudge", -1, 0],
    [["ArrowUp"], "↑", "batch, or row of the sheet, before", "up", -1],
    [["ArrowDown"], "↓", "the next one", "up", 1],
    [["PageUp"], "Page ↑", "sequence before, or page of the sheet", "page", -1],
    [["PageDown"], "Page ↓", "the next one", "page", 1],
  ],
  "Picture": [
    [["]"], "]", "brighter by half a stop", "exposure", 0.5],
    [["["], "[", "darker by half a stop", "exposure", -0.5],
    [["}"], "}", "more gamma", "gamma", 0.1],
    [["{"], "{", "less gamma", "gamma", -0.1],
    [["r"], "R", "red; again: all channels", "channel", "r"],
    [["g"], "G", "green", "channel", "g"],
    [["b"], "B", "blue", "channel", "b"],
    [["a"], "A", "alpha", "channel", "a"],
    [["u"], "U", "luma", "channel", "luma"],
    [["Backspace"], "Backspace", "as the file states it", "neutral"],
    [["+", "="], "+", "closer (or the wheel)", "zoom", 1.5],
    [["_"], "_", "farther", "zoom", 1 / 1.5],
    [["z"], "Z", "one pixel to one", "pixels"],
    [["f"], "F", "fit", "fit"],
    [["p"], "P", "probe: the file's own values", "probe"],
  ],
  "Page": [
    [["m"], "M", "metadata and file", "info"],
    [["Shift+L"], "Shift L", "copy a link to this view", "copy"],
    [["?", "h"], "?", "this list", "help"],
    [["Escape"], "Esc", "close, or back to the single view", "escape"],
  ],
};

const ACTIONS = new Map();
for (const list of Object.values(KEYS)) for (const [names, , , action, ...values] of list) for (const name of names) ACTIONS.set(name, [action, ...values]);
for (const digit of "0123456789") ACTIONS.set(digit, ["number"]);
for (const [name, down] of [["Alt+ArrowUp", -1], ["Alt+ArrowDown", 1]]) ACTIONS.set(name, ["nudge", 0, down]);
ACTIONS.set("Enter", ["enter"]);

const TYPING = "input:not([type=range]), textarea, select";
const ITS_OWN = { range: /^(Arrow|Page|Home|End)/, button: /^( |Enter)$/ };

// Calls act(name, ...values, event) for each key; the key's own element comes first where it has a use for it.
export function listen(act) {
  addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (target.matches(TYPING) && event.key !== "Escape") return;
    if (target.matches("input[type=range]") && ITS_OWN.range.test(event.key)) return;
    if (target.closest("button, a, summary") && ITS_OWN.button.test(event.key)) return;
    if (target.closest("aside, pre") && /^(Arrow|Page|Home|End)/.test(event.key)) return; // they scroll
    const shift = event.shiftKey && (event.key.length > 1 || /^[A-Z]$/.test(event.key)) ? "Shift+" : "";
    const alone = shift ? event.key : event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const found = ACTIONS.get(`${event.altKey ? "Alt+" : ""}${shift}${alone}`) ?? (event.altKey ? ACTIONS.get(`Alt+${alone}`) : undefined);
    if (!found) return;
    event.preventDefault();
    act(...found, event);
  });
}

export function fill(element) {
  for (const [title, list] of Object.entries(KEYS)) {
    const section = document.createElement("section");
    section.append(Object.assign(document.createElement("h3"), { textContent: title }));
    for (const [, key, words] of list) {
      if (!words) continue;
      const row = document.createElement("div");
      row.append(Object.assign(document.createElement("span"), { textContent: words[0].toUpperCase() + words.slice(1) }), Object.assign(document.createElement("kbd"), { textContent: key }));
      section.append(row);
    }
    element.append(section);
  }
}
