"""Make the pictures of this folder: real nodes of the real front end, with the animation of ``seqsave demo``.

And those that the template browser shows of example workflows, by their names.

    tox -e comfyui --notest, and what that environment has as commands_pre
    .tox/comfyui/bin/python plugins/comfyui-seqsave/docs/pictures.py [--base FOLDER] [NAME ...]

It needs Chromium, as the tests do. FOLDER becomes ComfyUI's base folder, and its path is in the pictures.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parents[2])]

import examples  # noqa: E402 - from the folders above
from browser import FrontEnd, front_end  # noqa: E402
from server import ComfyServer  # noqa: E402

MARGIN = 24  # pixels around the nodes
CORNER = (120, 180)  # where the first node is, below and beside what lies over the canvas
CONFIG = '[targets.renders]\nurl = "memory://studio"\n'
QUIET = ".p-toast, .selection-toolbox, .minimap-main-container { display: none !important }"

PLACE = """(places) => {
    for (const [id, [x, y, width, height]] of Object.entries(places)) {
        const node = app.graph.getNodeById(id)
        node.pos = [x, y]
        node.setSize([width, height])
    }
    app.canvas.deselectAll?.()
}"""
LOOK = """([left, top]) => {
    const corner = [0, 1].map((axis) => Math.min(...app.graph.nodes.map((node) => node.pos[axis])))
    app.canvas.ds.scale = 1
    app.canvas.ds.offset = [left - corner[0], top - corner[1]]
    app.canvas.setDirty(true, true) }"""
BOX = """() => {
    const boxes = [...document.querySelectorAll("[data-node-id]")].map((one) => one.getBoundingClientRect())
    const left = Math.min(...boxes.map((one) => one.left)), top = Math.min(...boxes.map((one) => one.top))
    return {x: left, y: top, width: Math.max(...boxes.map((one) => one.right)) - left,
            height: Math.max(...boxes.map((one) => one.bottom)) - top} }"""
HAS_PICTURES = """(ids) => ids.every((id) => {
    const images = [...document.querySelectorAll(`[data-node-id="${id}"] img`)]
    return images.length > 0 && images.every((image) => image.complete && image.naturalWidth > 0) })"""
COUNTS = """() => { for (const node of app.graph.nodes) for (const widget of node.widgets ?? [])
    if (widget.name === "control_after_generate") widget.value = "increment" }"""


@dataclass(frozen=True)
class Picture:
    """A graph, and where its nodes are: x, y, width, height. shows: the nodes that show pictures when it has run."""

    graph: dict[str, Any]
    places: dict[str, tuple[int, int, int, int]]
    shows: tuple[str, ...]


def node(kind: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind.partition(" [")[0]}}


def load(**more: Any) -> dict[str, Any]:
    ours = {"directory_path": "demo", "prefix": "frame", "start": -1, "count": 0, "step": 3, "missing": "error"}
    return node("Load Frames [seqsave]", **{**ours, "filetype": "", **more})


def save(images: list[Any], **more: Any) -> dict[str, Any]:
    ours = {"prefix": "frame", "start": 0, "digits": 5, "filetype": "png with embedded workflow"}
    ours |= {"if_exists": "overwrite", "frames_per_second": 24.0, "options": ""}
    return node("Save Frames [seqsave]", images=images, **{**ours, **more})


PICTURES = {
    "save_frames": Picture(
        {
            "1": load(),
            "2": save(["1", 0], directory_path="renders://shot010"),
            "3": node("Fetch Sequence [seqsave]", sequence=["2", 2]),
            "4": node("PreviewAny", "local copies", source=["3", 0]),
            "5": node("PreviewAny", "where they are", source=["2", 1]),
        },
        {
            "1": (0, 0, 310, 300),
            "2": (380, 0, 440, 700),
            "3": (890, 0, 270, 80),
            "4": (1220, 0, 340, 240),
            "5": (890, 300, 670, 400),
        },
        ("2",),
    ),
    "animation": Picture(
        {
            "1": node("PrimitiveInt", "frame number", value=17),
            "2": node("Frame Counter (Simple) [seqsave]", frame_index=["1", 0], total_frames=48, frames_per_second=24),
            "3": node(
                "Image Sequence Loader [seqsave]",
                "your picture: here a frame of the demo",
                frame_counter=["2", 0],
                directory_path="demo",
                pattern="*",
                indexing="numeric",
            ),
            "4": node(
                "Image Sequence Saver [seqsave]",
                frame_counter=["2", 0],
                image=["3", 0],
                directory_path="animation",
                prefix="frame",
                digits=5,
                at_end="stop output",
                filetype="png with embedded workflow",
                options="",
            ),
        },
        {"1": (0, 0, 270, 80), "2": (340, 0, 300, 140), "3": (710, 180, 340, 200), "4": (1120, 0, 460, 700)},
        ("4",),
    ),
    "load": Picture(
        {
            "1": load(),
            "2": node("ImageInvert", image=["1", 0]),
            "3": save(["2", 0], directory_path="demo", prefix="inverted", filetype="jpg"),
        },
        {"1": (0, 0, 330, 300), "2": (400, 0, 220, 60), "3": (690, 0, 440, 660)},
        ("3",),
    ),
}


# The upper left corner of an example's picture, and the type of the node that shows what it saved.
EXAMPLES = {"save_to_bucket": ((790, -10), "Save Frames [seqsave]")}
SIDE, SHOWN = 400, 1080  # pixels, and how many are made one of these: below half its size, a node has no text
VIEW = """([left, top]) => {
    app.canvas.ds.scale = 1
    app.canvas.ds.offset = [400 - left, 150 - top]
    app.canvas.deselectAll?.()
    app.canvas.setDirty(true, true)
    const box = app.canvas.canvas.getBoundingClientRect()
    return [box.left + 400, box.top + 150] }"""


def shoot_example(page: FrontEnd, name: str) -> None:
    (left, top), shows = EXAMPLES[name]
    page.load(examples.ui(name))
    ended = page.run()
    if ended["kind"] != "execution_success":
        raise SystemExit(f"{name}: {ended.get('exception_message', ended)}")
    page.wait_for_picture(shows)
    page.page.add_style_tag(content=QUIET)
    x, y = page.page.evaluate(VIEW, [left, top])
    page.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    path = examples.FOLDER / f"{name}.jpg"
    shown = page.page.screenshot(clip={"x": x, "y": y, "width": SHOWN, "height": SHOWN})
    Image.open(io.BytesIO(shown)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(path, quality=85)
    print(path)


def shoot(page: FrontEnd, picture: Picture, path: Path) -> None:
    # Nothing of the picture before: its nodes may have the same ids.
    page.page.evaluate(
        "async (graph) => { app.nodeOutputs = {}; await app.loadApiJson(graph, 'picture') }", picture.graph
    )
    page.page.evaluate(PLACE, picture.places)
    page.page.evaluate(LOOK, CORNER)
    page.page.evaluate(COUNTS)
    ended = page.run()
    if ended["kind"] != "execution_success":
        raise SystemExit(f"{path.stem}: {ended.get('exception_message', ended)}")
    page.page.evaluate(PLACE, picture.places)
    page.page.evaluate(LOOK, CORNER)
    page.page.wait_for_function(HAS_PICTURES, arg=list(picture.shows))
    page.page.add_style_tag(content=QUIET)
    page.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box = page.page.evaluate(BOX)
    clip = {"x": box["x"] - MARGIN, "y": box["y"] - MARGIN}
    clip |= {name: box[name] + 2 * MARGIN for name in ("width", "height")}
    page.page.screenshot(path=path, clip=clip)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*PICTURES, *EXAMPLES]))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = given.base or Path(scratch)
        (base / "output").mkdir(parents=True, exist_ok=True)
        config = Path(scratch) / "config.toml"
        config.write_text(CONFIG)
        subprocess.run([sys.executable, "-m", "seqsave", "demo", str(base / "output" / "demo"), "--quiet"], check=True)
        env = {"SEQSAVE_CONFIG": str(config), "SEQSAVE_SPOOL": str(Path(scratch) / "spool")}
        names = given.names or [*PICTURES, *EXAMPLES]
        with ComfyServer(base, env=env) as comfy:
            for nodes_2, chosen in ((True, PICTURES.keys() & names), (False, EXAMPLES.keys() & names)):
                if not chosen:
                    continue
                with front_end(comfy, nodes_2=nodes_2) as page:
                    page.page.set_viewport_size({"width": 1900, "height": 1100 if nodes_2 else 1400})
                    for name in sorted(chosen, key=names.index):
                        if nodes_2:
                            shoot(page, PICTURES[name], HERE / "images" / f"{name}.png")
                        else:
                            shoot_example(page, name)


if __name__ == "__main__":
    main()
