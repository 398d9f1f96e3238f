// Shows the addresses of saved frames on a saver. ComfyUI's own progress text on a node disappears when the run ends.
// Addresses and previews are kept for this tab, so that they are there again after the page was loaded again.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const NAME = "saved to";
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

function lines(text) {
  const urls = [text].flat().map(String);
  if (urls.length === 0) return "Nothing saved: the animation has ended.";
  if (urls.length <= MOST) return urls.join("\n");
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
  widgetOf(node).value = lines(output.text);
  node.setDirtyCanvas?.(true, true);
}

const savers = new Set();

// --- what this tab remembers: for each workflow the output of each saver, the newest last ---

const MEMORY = "seqsave.outputs";
const MOST_WORKFLOWS = 10;
const MOST_ENTRIES = 200; // of one list of an output

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

function remember(node, output) {
  const graph = graphOf();
  if (!graph || node.graph !== graph) return; // a node in a subgraph has another address
  const { [graph.id ?? ""]: known, ...others } = remembered();
  const short = Object.entries(output).map(([name, list]) => [name, Array.isArray(list) ? list.slice(0, MOST_ENTRIES) : list]);
  const entries = [...Object.entries(others), [graph.id ?? "", { ...known, [node.id]: Object.fromEntries(short) }]];
  try {
    sessionStorage.setItem(MEMORY, JSON.stringify(Object.fromEntries(entries.slice(-MOST_WORKFLOWS))));
  } catch {
    sessionStorage.removeItem(MEMORY); // full
  }
}

function recall() {
  const graph = graphOf();
  const known = remembered()[graph?.id ?? ""] ?? {};
  const missing = Object.entries(known).filter(([id]) => {
    const node = graph?.getNodeById(id);
    return node && savers.has(node.type) && !app.nodeOutputs?.[id];
  });
  if (missing.length === 0) return;
  app.nodeOutputs = { ...app.nodeOutputs, ...Object.fromEntries(missing) };
  for (const [id, output] of missing) show(graph.getNodeById(id), output);
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
    if (!nodeData.output_node || nodeData.python_module !== `custom_nodes.${PACK}`) return;
    savers.add(nodeData.name);
    const before = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      before?.apply(this, arguments);
      show(this, output);
      if (output) remember(this, output);
    };
  },

  afterConfigureGraph() {
    recall();
  },

  // Called when the user returns to a workflow. Older front ends do not call it.
  onNodeOutputsUpdated(outputs) {
    for (const [id, output] of Object.entries(outputs)) {
      const node = app.graph?.getNodeById(id);
      if (node && savers.has(node.type)) show(node, output);
    }
  },
});
