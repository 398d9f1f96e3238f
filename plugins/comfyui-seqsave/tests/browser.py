"""ComfyUI's real front end in a real browser: one page, and what a user does with it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seqsave.testing import outside

if TYPE_CHECKING:
    from server import ComfyServer

__all__ = ["FrontEnd", "front_end"]

PATIENCE = 300_000  # milliseconds
PATIENCE_AT_START = 600_000  # a busy machine compiles the page's scripts for minutes
SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False, "Comfy.Workflow.Persist": False}
NODES_2 = "Comfy.VueNodes.Enabled"  # nodes as parts of the page, and not drawn on the canvas

OUR_NODES = "!!window.LiteGraph?.registered_node_types?.['Save Frames [seqsave]'] && !!window.app?.extensionManager"
LOAD = "async (workflow) => { await app.loadGraphData(workflow, true, true, null) }"
LISTEN = """() => {
    window.ended = []
    for (const kind of ["execution_success", "execution_error", "execution_interrupted"])
        app.api.addEventListener(kind, ({detail}) => window.ended.push({kind, ...detail}))
}"""
NODE = "const node = app.graph.nodes.find((node) => node.type === type);"
SHOWN = f"""(type) => {{ {NODE}
    return {{
        text: node.widgets?.find((widget) => widget.name === "saved to")?.value ?? null,
        sources: (node.imgs ?? []).filter((image) => image.naturalWidth > 0).map((image) => image.src),
        red: !!node.has_errors || app.lastExecutionError?.node_id == node.id,
        errors: (app.lastNodeErrors?.[node.id]?.errors ?? []).map((error) => error.details),
    }} }}"""
DROP = """async ({name, type, data}) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([bytes], name, {type}))
    const canvas = document.querySelector("#graph-canvas")
    const at = {dataTransfer, bubbles: true, cancelable: true, clientX: 700, clientY: 700}
    for (const kind of ["dragenter", "dragover", "drop"])
        canvas.dispatchEvent(new DragEvent(kind, at))
}"""


class FrontEnd:
    """A page that shows the front end. ``page`` is playwright's."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.failures: list[str] = []
        page.on("pageerror", self._note)

    def _note(self, error: Any) -> None:
        # The viewer of 3D models in 1.49 cannot start its own code in this browser; no node here uses it.
        if "/assets/vendor-three" not in (getattr(error, "stack", None) or ""):
            self.failures.append(str(error))

    def open(self, url: str) -> None:
        self.page.goto(url, timeout=PATIENCE_AT_START)
        self.page.wait_for_function(OUR_NODES, timeout=PATIENCE_AT_START)
        self.page.evaluate(LISTEN)

    def load(self, workflow: Any) -> None:
        self.page.evaluate(LOAD, workflow)

    def types(self) -> list[str]:
        return sorted(self.page.evaluate("app.graph.nodes.map((node) => node.type)"))

    def unknown(self) -> list[str]:
        """The types that the server does not know."""
        return list(self.page.evaluate("app.graph.nodes.filter((node) => node.has_errors).map((node) => node.type)"))

    def set(self, node: str, **widgets: Any) -> None:
        code = f"([type, values]) => {{ {NODE} for (const widget of node.widgets) "
        code += "if (widget.name in values) widget.value = values[widget.name] }"
        self.page.evaluate(code, [node, widgets])

    def select(self, node: str) -> None:
        """Below the tabs, so that its tool bar has room."""
        code = f"(type) => {{ {NODE} app.canvas.ds.scale = 1; app.canvas.ds.offset = "
        self.page.evaluate(code + "[100 - node.pos[0], 250 - node.pos[1]]; app.canvas.selectNode(node) }", node)

    def press_run(self) -> None:
        """The button. The page's own errors of an earlier run go."""
        self.page.evaluate("window.ended.length = 0")
        self.page.get_by_test_id("queue-button").click()

    def run(self) -> dict[str, Any]:
        """Press the button and wait; how it ended."""
        self.press_run()
        self.page.wait_for_function("window.ended.length > 0", timeout=PATIENCE)
        return dict(self.page.evaluate("window.ended[0]"))

    def shown(self, node: str) -> dict[str, Any]:
        """What a node shows: the saved files' places, the pictures' addresses, whether it is red, and why."""
        return dict(self.page.evaluate(SHOWN, node))

    def wait_for_picture(self, node: str, folder: str = "") -> dict[str, Any]:
        """What a node shows once it has pictures. folder: all of them in ComfyUI's folder of this type, such as temp.

        A node may still show the pictures of an earlier run for a moment.
        """
        code = f"([type, folder]) => {{ const {{ sources }} = ({SHOWN})(type); "
        code += "return sources.length > 0 && sources.every((one) => one.includes(`type=${folder}`)) }"
        self.page.wait_for_function(code, arg=[node, folder], timeout=PATIENCE)
        return self.shown(node)

    def drop(self, name: str, data: bytes, kind: str) -> None:
        """Let a file go over the canvas."""
        self.page.evaluate(DROP, {"name": name, "type": kind, "data": base64.b64encode(data).decode()})

    def clear(self) -> None:
        self.page.evaluate("app.graph.clear()")
        assert self.types() == []

    def wait_for_nodes(self, count: int) -> None:
        self.page.wait_for_function(f"app.graph.nodes.length === {count}", timeout=PATIENCE)


@contextmanager
def front_end(comfy: ComfyServer, *, nodes_2: bool = False) -> Iterator[FrontEnd]:
    """Chromium, without a window, on ``comfy``. Needs the package playwright, none of the browsers that it brings.

    nodes_2: with Nodes 2.0, in place of the classic nodes.
    """
    playwright = outside.package("playwright.sync_api", "pip install playwright")
    chromium = outside.program("chromium", "apt-get install chromium")
    comfy.post("/settings", {**SETTINGS, NODES_2: nodes_2})
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(PATIENCE)
        shown = FrontEnd(page)
        shown.open(comfy.url)
        yield shown
        browser.close()
