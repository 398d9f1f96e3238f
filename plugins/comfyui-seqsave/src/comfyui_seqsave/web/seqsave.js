// Shows the addresses of saved frames on a saver. ComfyUI's own progress text on a node disappears when the run ends.

import { app } from "../../scripts/app.js";
import { ComfyWidgets } from "../../scripts/widgets.js";

const NAME = "saved to";
const MOST = 4; // lines
const HEIGHT = 68; // pixels, for MOST lines
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
  const { widget } = ComfyWidgets.STRING(node, NAME, ["STRING", { multiline: true }], app);
  widget.serialize = false; // not in the workflow
  widget.options = Object.assign(widget.options ?? {}, {
    serialize: false, // and not in the prompt
    getMinHeight: () => HEIGHT,
    getMaxHeight: () => HEIGHT,
  });
  const element = widget.element ?? widget.inputEl;
  if (element) {
    element.readOnly = true;
    element.style.opacity = 0.7;
  }
  return widget;
}

function show(node, output) {
  if (!output || !Array.isArray(output.text)) return;
  widgetOf(node).value = lines(output.text);
  node.setDirtyCanvas?.(true, true);
}

const savers = new Set();

app.registerExtension({
  name: "seqsave.saved_to",

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.output_node || nodeData.python_module !== `custom_nodes.${PACK}`) return;
    savers.add(nodeData.name);
    const before = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      before?.apply(this, arguments);
      show(this, output);
    };
  },

  // Called when the user returns to a workflow. Older front ends do not call it.
  onNodeOutputsUpdated(outputs) {
    for (const [id, output] of Object.entries(outputs)) {
      const node = app.graph?.getNodeById(id);
      if (node && savers.has(node.type)) show(node, output);
    }
  },
});
