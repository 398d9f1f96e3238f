"""What a user sees with Nodes 2.0, whose nodes are parts of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import browser
import examples
import pytest
from browser import FrontEnd

if TYPE_CHECKING:
    from server import ComfyServer
    from tests.support.s3 import S3Server

FRAMES = "Save Frames [seqsave]"
SAVERS = (FRAMES, "Image Sequence Saver [seqsave]")
SHOWN = f"""(type) => {{
    {browser.NODE}
    const shown = document.querySelector(`[data-node-id="${{node.id}}"]`)
    const pictures = [...shown?.querySelectorAll("img") ?? []].filter((image) => image.naturalWidth > 0)
    const text = [...shown?.querySelectorAll("pre") ?? []].find((one) => one.checkVisibility())
    return {{
        pictures: pictures.length,
        text: text?.textContent ?? null,
        room: text ? text.parentElement.getBoundingClientRect().height / app.canvas.ds.scale : 0,
    }} }}"""


@pytest.fixture(scope="module")
def one_page(comfy: ComfyServer) -> Iterator[FrontEnd]:
    with browser.front_end(comfy, nodes_2=True) as shown:
        yield shown


@pytest.fixture
def page(comfy: ComfyServer, one_page: FrontEnd) -> Iterator[FrontEnd]:
    """Nothing of an earlier test is taken from ComfyUI's cache; the page's own code must not fail."""
    comfy.post("/free", {"free_memory": True})
    one_page.failures.clear()
    yield one_page
    assert one_page.failures == []


def wait_for_pictures(page: FrontEnd, node: str) -> dict[str, Any]:
    """What the node shows once it shows a picture."""
    page.page.wait_for_function(f"(type) => ({SHOWN})(type).pictures > 0", arg=node)
    return dict(page.page.evaluate(SHOWN, node))


@pytest.mark.parametrize("name", examples.NAMES)
def test_every_example_shows_its_pictures_and_where_they_are(
    page: FrontEnd, comfy: ComfyServer, s3: S3Server, configure: Callable[[str], int], name: str
) -> None:
    configure(examples.targets(s3.new_prefix(), s3.storage_options))
    if name == "load_change_save":
        comfy.run(examples.api("save_video_frames"))
    workflow = examples.ui(name)
    page.load(workflow)
    assert page.unknown() == []
    assert page.run()["kind"] == "execution_success"

    for node in set(SAVERS) & set(page.types()):
        shown = wait_for_pictures(page, node)
        path = next(given for given in workflow["nodes"] if given["type"] == node)["widgets_values"][0]
        assert f"{path}/" in shown["text"]
        assert shown["room"] < 90, "the text takes the room of the pictures"


def test_a_refused_path_is_marked_on_its_input(page: FrontEnd) -> None:
    page.load(examples.ui("save_video_frames"))
    page.set(FRAMES, directory_path="/somewhere/else")
    page.press_run()
    page.page.wait_for_function(f"(type) => ({browser.SHOWN})(type).errors.length > 0", arg=FRAMES)
    (error,) = page.shown(FRAMES)["errors"]
    assert "graphs may not access /somewhere/else on this server" in error
