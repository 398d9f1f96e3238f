// Shows the addresses of saved frames on a saver. ComfyUI's own progress text on a node disappears when the run ends.
// Addresses and previews are kept for this tab, so that they are there again after the page was loaded again.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const NAME = "saved to";
const LOADER = "Load Frames [seqsave]"; // shows warnings only
const MOST = 4; // lines
const HEIGHT = 54; // pixels, for MOST lines
const MARGIN = 10; // that the front end leaves above and below, on classic nodes
const STYLE = {
  boxSizing: "border-box",
  height: `${HEIGHT}px`,
  margin: 0,
  overflow: "auto",
  padding: "2px 4px",
  background: "var(--comfy-input-bg)",
  color: "var(--input-text)",
  font: "10px monospace",
  opacity: 0.7,
  userSelect: "text",
};
// The name of the pack's folder in custom_nodes, which the user may have changed.
const PACK = decodeURIComponent(new URL(".", import.meta.url).pathname.split("/").at(-2));

function lines(node, text, warnings) {
  const urls = [text].flat().map(String);
  const has_end = node.inputs?.some((input) => input.name === "frame_counter");
  if (urls.length === 0) return has_end ? "Nothing saved: the animation has ended." : "Nothing saved: there are no images.";
  if (urls.length + warnings.length <= MOST) return urls.join("\n");
  if (warnings.length > 0) return `${urls.length} files: ${urls[0]} ... ${urls[urls.length - 1]}`; // room for them
  return `${urls.length} files:\n${urls[0]}\n...\n${urls[urls.length - 1]}`;
}

function widgetOf(node) {
  const there = node.widgets?.find((widget) => widget.name === NAME);
  if (there) return there;
  const element = document.createElement("pre");
  Object.assign(element.style, STYLE);
  const widget = node.addDOMWidget(NAME, "seqsave", element, {
    serialize: false, // not in the prompt
    getValue: () => element.textContent,
    setValue: (text) => (element.textContent = text),
  });
  widget.serialize = false; // and not in the workflow
  // Its height is fixed: without this, Nodes 2.0 gives it the room that the pictures need.
  widget.computeLayoutSize = undefined;
  widget.computeSize = (width) => [width ?? 0, HEIGHT + 2 * MARGIN];
  return widget;
}

function show(node, output) {
  if (!output || !Array.isArray(output.text)) return;
  const warnings = (output.warnings ?? []).map((text) => `Warning: ${text}`);
  if (node.type === LOADER) {
    // Without a warning it has no such field, or an empty one.
    if (warnings.length > 0 || node.widgets?.some((widget) => widget.name === NAME)) {
      widgetOf(node).value = warnings.join("\n");
    }
    node.setDirtyCanvas?.(true, true);
    return;
  }
  widgetOf(node).value = [lines(node, output.text, warnings), ...warnings].join("\n");
  offer(node, output.look ?? []);
  node.setDirtyCanvas?.(true, true);
}

// --- a page that plays what was saved, from any storage ---

const PLAY = "play";

function offer(node, places) {
  let widget = node.widgets?.find((one) => one.name === PLAY);
  if (!widget && places.length === 0) return;
  if (!widget) {
    widget = node.addWidget("button", PLAY, null, () => play(node), { serialize: false }); // not in the prompt
    widget.serialize = false; // and not in the workflow
    widget.tooltip = "Opens a page that plays the saved frames, wherever they are.";
  }
  widget.disabled = places.length === 0;
  node.seqsavePlaces = places;
}

async function play(node) {
  const page = window.open("", "_blank"); // at once: later, browsers take it for an advertisement
  try {
    const body = JSON.stringify({ places: node.seqsavePlaces });
    const headers = { "Content-Type": "application/json" };
    const answer = await api.fetchApi("/seqsave/look", { method: "POST", headers, body });
    const found = await answer.json();
    if (!found.path) throw new Error(found.error);
    const address = api.apiURL(found.path);
    if (page) page.location.replace(address);
    else window.location.assign(address);
  } catch (error) {
    page?.close();
    const detail = error.message ?? String(error);
    app.extensionManager?.toast?.add?.({ severity: "error", summary: "The frames cannot be played", detail, life: 10000 });
  }
}

const savers = new Set(); // and the loader, which shows warnings as they do

// --- what this tab remembers: for each workflow the output of each saver, the newest last ---

const MEMORY = "seqsave.outputs";
const MOST_WORKFLOWS = 10;
const MOST_ENTRIES = 200; // of one list of an output
const NO_ID = /^[0-]*$/; // of a workflow: all of these would be taken for one

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(MEMORY)) ?? {};
  } catch {
    return {};
  }
}

function graphOf() {
  return app.rootGraph ?? app.graph;
}

// A node's address in app.nodeOutputs: its id, in a subgraph after the id of this.
function addressOf(node) {
  return node.graph === graphOf() ? String(node.id) : `${node.graph?.id}:${node.id}`;
}

function nodeAt(address) {
  const [id, inside] = address.split(":");
  return inside === undefined ? graphOf()?.getNodeById(id) : graphOf()?.subgraphs?.get(id)?.getNodeById(inside);
}

// By the id in a prompt: those of the subgraphs that a node is in come first.
function nodeOf(id) {
  let graph = graphOf();
  let node;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(part);
    graph = node?.subgraph;
  }
  return node;
}

function remember(node, output) {
  const graph = graphOf();
  if (!graph || !node.graph || NO_ID.test(graph.id ?? "")) return;
  const { [graph.id ?? ""]: known, ...others } = remembered();
  const short = Object.entries(output).map(([name, list]) => [name, Array.isArray(list) ? list.slice(0, MOST_ENTRIES) : list]);
  const entries = [...Object.entries(others), [graph.id ?? "", { ...known, [addressOf(node)]: Object.fromEntries(short) }]];
  try {
    sessionStorage.setItem(MEMORY, JSON.stringify(Object.fromEntries(entries.slice(-MOST_WORKFLOWS))));
  } catch {
    sessionStorage.removeItem(MEMORY); // full
  }
}

function recall() {
  const graph = graphOf();
  const known = remembered()[graph?.id ?? ""] ?? {};
  const missing = Object.entries(known).filter(([address]) => {
    const node = nodeAt(address);
    return node && savers.has(node.type) && !app.nodeOutputs?.[address];
  });
  if (missing.length === 0) return;
  app.nodeOutputs = { ...app.nodeOutputs, ...Object.fromEntries(missing) };
  for (const [address, output] of missing) show(nodeAt(address), output);
}

// --- the administrator's settings, which are in a file on the server: shown, not changed ---

const SETTINGS = {
  "Targets that graphs may name": ({ targets }) => targets.map((name) => `${name}://`).join(", ") || "none",
  "Other folders and URLs": ({ allow }) => (allow ? `${allow} allowed` : "none is allowed"),
  "Saving to buckets": ({ publish_behind }) =>
    publish_behind ? "in the background: graphs do not wait" : "graphs wait until their frames are published",
  "Nodes of the Dream pack": ({ original_ids }) => (original_ids ? "registered under their own ids" : "not registered"),
  "Inputs kept out of files": ({ withhold }) => (withhold ? `${withhold} patterns` : "none"),
};

function reading(pick) {
  return () => {
    const element = document.createElement("span");
    element.textContent = "...";
    api
      .fetchApi("/seqsave/settings")
      .then((answer) => answer.json())
      .then((found) => (element.textContent = found.error ?? pick(found)))
      .catch(() => (element.textContent = "not known"));
    return element;
  };
}

app.registerExtension({
  name: "seqsave.saved_to",

  settings: Object.entries(SETTINGS).map(([name, pick], number) => ({
    id: `seqsave.server.${number}`,
    category: ["seqsave", "On the server", name],
    name,
    tooltip: "Set in seqsave's configuration file on the server.",
    type: reading(pick),
    defaultValue: null,
  })),

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!(nodeData.output_node || nodeData.name === LOADER) || nodeData.python_module !== `custom_nodes.${PACK}`) return;
    savers.add(nodeData.name);
    const before = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      before?.apply(this, arguments);
      show(this, output);
      if (output) remember(this, output);
    };
  },

  // What a saver warns of when a loop, a list or a meta batch has ended.
  setup() {
    api.addEventListener("seqsave.warnings", ({ detail }) => {
      const node = nodeOf(detail.node);
      if (!node || !savers.has(node.type)) return;
      const address = addressOf(node);
      const output = { text: [], ...app.nodeOutputs?.[address], warnings: detail.warnings };
      app.nodeOutputs = { ...app.nodeOutputs, [address]: output };
      show(node, output);
      remember(node, output);
    });
  },

  afterConfigureGraph() {
    recall();
  },

  // Called when the user returns to a workflow. Older front ends do not call it.
  onNodeOutputsUpdated(outputs) {
    for (const [address, output] of Object.entries(outputs)) {
      const node = nodeAt(address);
      if (node && savers.has(node.type)) show(node, output);
    }
  },
});
