// The addresses below this page's own, and the answers.

const base = new URL(".", location.href);

async function json(path, signal) {
  const answer = await fetch(new URL(path, base), { signal });
  if (!answer.ok) throw await failure(answer);
  return answer.json();
}

// What the server answered in place of what was asked for: .reason as it names it, .message for a person.
export async function failure(answer) {
  let body = {};
  try { body = await answer.json(); } catch { /* not ours: a proxy on the way answered */ }
  const error = new Error(body.error || `The server answered ${answer.status} ${answer.statusText}`);
  error.status = answer.status;
  error.reason = body.reason ?? null;
  return error;
}

export const sequences = () => json("sequences.json");

const place = (sequence, batch, number) => [`${sequence.id}/f/${number}/`, sequence.batches.length > 1 || batch ? `b=${batch}` : ""];

export function pictureUrl(sequence, batch, number, size, look = "") {
  const [path, which] = place(sequence, batch, number);
  const query = [which, look, `v=${encodeURIComponent(sequence.version(batch, number))}`].filter(Boolean).join("&");
  return new URL(`${path}${size}.jpg?${query}`, base).href;
}

export function originalUrl(sequence, batch, number) {
  const [path, which] = place(sequence, batch, number);
  return new URL(`${path}original${which && "?" + which}`, base).href;
}

export function about(sequence, batch, number, signal) {
  const [path, which] = place(sequence, batch, number);
  return json(`${path}about.json${which && "?" + which}`, signal);
}

export function pixel(sequence, batch, number, x, y, signal) {
  const [path, which] = place(sequence, batch, number);
  return json(`${path}pixel.json?${[which, `x=${x}`, `y=${y}`].filter(Boolean).join("&")}`, signal);
}

// Calls back for every change, and with the state of all when a stream begins; the browser connects again by itself.
export function listen({ changed, replaced, stated, connected, lost }) {
  const events = new EventSource(new URL("events", base));
  events.addEventListener("sequences", (event) => changed(JSON.parse(event.data)));
  events.addEventListener("frame", (event) => replaced(JSON.parse(event.data)));
  events.addEventListener("state", (event) => stated(JSON.parse(event.data)));
  events.addEventListener("open", connected);
  events.addEventListener("error", lost);
}
