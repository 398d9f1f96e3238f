// What is shown, as the fragment of the address: #s=0&f=1060&mode=wipe. Values that are the usual ones are left out.

export const MODES = ["single", "wipe", "difference", "tile", "variations", "sheet"];
export const CHANNELS = ["rgb", "r", "g", "b", "a", "luma"];

const whole = (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : undefined);
const between = (low, high) => (text) => (text !== "" && Number(text) >= low && Number(text) <= high ? Number(text) : undefined);
const oneOf = (choices) => (text) => (choices.includes(text) ? text : undefined);

// key in the address: [name in the view, usual value, reader]
const FIELDS = {
  s: ["a", 0, whole], b: ["aBatch", 0, whole], f: ["frame", null, whole], mode: ["mode", "single", oneOf(MODES)],
  with: ["b", null, whole], wb: ["bBatch", 0, whole], shift: ["shift", 0, whole], wipe: ["wipe", 0.5, between(0, 1)],
  gain: ["gain", 1, (text) => oneOf([1, 4, 16, 64])(Number(text))], in: ["first", null, whole], out: ["last", null, whole],
  ev: ["ev", 0, between(-12, 12)], gamma: ["gamma", 1, between(0.2, 5)], ch: ["channels", "rgb", oneOf(CHANNELS)],
};

export const usual = () => Object.fromEntries(Object.values(FIELDS).map(([name, value]) => [name, value]));

export function read(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const view = usual();
  for (const [key, [name, , reader]] of Object.entries(FIELDS)) {
    const value = given.has(key) ? reader(given.get(key)) : undefined;
    if (value !== undefined) view[name] = value;
  }
  return view;
}

export function unread(fragment) {
  const given = [...new URLSearchParams(fragment.replace(/^#/, ""))];
  return given.filter(([key, value]) => FIELDS[key] && FIELDS[key][2](value) === undefined).map((part) => part.join("=").slice(0, 20));
}

export function write(view) {
  const parts = new URLSearchParams();
  for (const [key, [name, value]] of Object.entries(FIELDS)) if (view[name] !== value && view[name] !== null) parts.set(key, view[name]);
  return "#" + parts;
}
