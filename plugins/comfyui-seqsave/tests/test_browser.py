"""What a user sees: the real front end in a real browser."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import browser
import examples
import pytest
from browser import FrontEnd

import seqsave
from seqsave.testing import outside

if TYPE_CHECKING:
    from server import ComfyServer
    from tests.support.s3 import S3Server

SAVER, FRAMES = "Image Sequence Saver [seqsave]", "Save Frames [seqsave]"


@pytest.fixture(scope="module")
def one_page(comfy: ComfyServer) -> Iterator[FrontEnd]:
    with browser.front_end(comfy) as shown:
        yield shown


@pytest.fixture
def page(comfy: ComfyServer, one_page: FrontEnd) -> Iterator[FrontEnd]:
    """Nothing of an earlier test is taken from ComfyUI's cache; the page's own code must not fail."""
    comfy.post("/free", {"free_memory": True})
    one_page.failures.clear()
    yield one_page
    assert one_page.failures == []


def source(address: str) -> dict[str, str]:
    """Which file a preview shows."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))


@pytest.mark.parametrize("name", examples.NAMES)
def test_every_example_opens_and_runs(
    page: FrontEnd, comfy: ComfyServer, s3: S3Server, configure: Callable[[str], int], name: str
) -> None:
    configure(examples.targets(s3.new_prefix(), s3.storage_options))
    if name == "load_change_save":
        comfy.run(examples.api("save_video_frames"))
    workflow = examples.ui(name)
    page.load(workflow)
    assert page.types() == sorted(node["type"] for node in workflow["nodes"])
    assert page.unknown() == []
    assert page.run()["kind"] == "execution_success"

    for node in {SAVER, FRAMES} & set(page.types()):
        shown = page.wait_for_picture(node)
        path = next(given for given in workflow["nodes"] if given["type"] == node)["widgets_values"][0]
        assert f"{path}/" in shown["text"]
        kinds = {source(address)["type"] for address in shown["sources"]}
        assert kinds == ({"temp"} if "://" in path else {"output"})
        assert not shown["red"]


def test_the_widgets_that_few_need_reach_the_server(page: FrontEnd, comfy: ComfyServer) -> None:
    page.load(examples.ui("save_video_frames"))
    page.set(FRAMES, directory_path="few", also_as="jpg", preview="mp4")
    assert page.run()["kind"] == "execution_success"
    assert page.wait_for_picture(FRAMES)["text"].startswith("32 files")
    assert {path.suffix for path in (comfy.output / "few").glob("frame*")} == {".png", ".jpg", ".mp4"}
    page.set(FRAMES, convert_to="acescg")
    ended = page.run()
    assert ended["kind"] == "execution_error"
    assert "give color as well" in ended["exception_message"]
    page.set(FRAMES, convert_to="as it is", directory_path="/etc")
    page.press_run()
    page.page.wait_for_function(f"(type) => ({browser.SHOWN})(type).errors.length > 0", arg=FRAMES)
    (error,) = page.shown(FRAMES)["errors"]
    assert "[comfyui] allow" in error


def test_the_place_of_the_files_is_neither_in_the_workflow_nor_in_the_prompt(page: FrontEnd) -> None:
    page.load(examples.ui("save_video_frames"))
    saved = "JSON.stringify(app.graph.serialize().nodes.map((node) => node.widgets_values))"
    before = page.page.evaluate(saved)
    page.run()
    text = page.wait_for_picture(FRAMES)["text"]
    assert text.startswith("16 files")
    assert "frame_01001.png" in text
    assert "frame_01016.png" in text
    assert page.page.evaluate(saved) == before
    assert "saved to" not in json.dumps(page.page.evaluate("async () => (await app.graphToPrompt())"))


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_button_plays_what_was_saved(
    page: FrontEnd, s3: S3Server, configure: Callable[[str], int], where: str
) -> None:
    configure(examples.targets(s3.new_prefix(), s3.storage_options))
    page.load(examples.ui("save_video_frames" if where == "local" else "save_to_bucket"))
    node = FRAMES if FRAMES in page.types() else SAVER
    assert page.run()["kind"] == "execution_success"
    page.wait_for_picture(node)
    code = f"(type) => {{ {browser.NODE} node.widgets.find((widget) => widget.name === 'play').callback() }}"
    with page.page.expect_popup() as opened:
        page.page.evaluate(code, node)
    opened.value.wait_for_url("**/seqsave/look/*/")
    address = opened.value.url.partition("#")[0]  # to which the page adds the frame that it shows
    opened.value.close()
    with urllib.request.urlopen(f"{address}sequences.json") as answer:
        (sequence,) = json.load(answer)["sequences"]
    with urllib.request.urlopen(f"{address}0/f/{sequence['first']}/half.jpg") as answer:
        assert answer.read(2) == b"\xff\xd8"
    both = page.page.evaluate("async () => JSON.stringify([app.graph.serialize(), await app.graphToPrompt()])")
    assert '"play"' not in both


def test_a_frame_after_the_end_is_reported_on_the_node(page: FrontEnd) -> None:
    page.load(examples.ui("save_animation_frame_by_frame"))
    page.set("PrimitiveInt", value=24)
    assert page.run()["kind"] == "execution_success"
    assert page.shown(SAVER)["text"] == "Nothing saved: the animation has ended."


def test_what_was_saved_is_still_shown_after_a_look_at_another_workflow(page: FrontEnd) -> None:
    page.load(examples.ui("save_video_frames"))
    page.run()
    text = page.wait_for_picture(FRAMES)["text"]
    page.load(examples.ui("save_animation_frame_by_frame"))
    page.page.evaluate("app.extensionManager.command.execute('Workspace.PreviousOpenedWorkflow')")
    assert page.wait_for_picture(FRAMES)["text"] == text


@pytest.mark.parametrize("where", ["local", "remote"])
def test_what_was_saved_is_still_shown_after_the_page_was_loaded_again(
    page: FrontEnd, s3: S3Server, comfy: ComfyServer, configure: Callable[[str], int], where: str
) -> None:
    configure(examples.targets(s3.new_prefix(), s3.storage_options))
    page.load(examples.ui("save_video_frames"))
    page.set(FRAMES, directory_path="renders://again" if where == "remote" else "again")
    page.run()
    folder = "temp" if where == "remote" else "output"
    before = page.wait_for_picture(FRAMES, folder)
    workflow = page.page.evaluate("app.graph.serialize()")

    page.open(comfy.url)
    page.load(examples.ui("save_in_a_loop"))
    page.load(workflow)
    after = page.wait_for_picture(FRAMES, folder)
    assert after["text"] == before["text"]
    assert [source(address)["filename"] for address in after["sources"]] == [
        source(address)["filename"] for address in before["sources"]
    ]


def test_an_exr_is_among_the_assets_and_its_copy_on_the_node(page: FrontEnd, comfy: ComfyServer) -> None:
    if "exr" not in seqsave.filetypes():
        outside.missing("seqsave-exr", "pip install seqsave-exr")
    page.load(examples.ui("save_video_frames"))
    page.set(FRAMES, directory_path="viewed", filetype="exr with embedded workflow", prefix="only")
    assert page.run()["kind"] == "execution_success"
    assert {source(address)["type"] for address in page.wait_for_picture(FRAMES)["sources"]} == {"temp"}
    newest = next(iter(comfy.get("/history?max_items=1").values()))
    (output,) = [output for output in newest["outputs"].values() if "images" in output]
    listed = [image["filename"] for image in output["images"] if image["type"] == "output"]
    assert listed == [f"only_{number:05d}.exr" for number in range(1001, 1017)]
    if not comfy.has("/api/jobs"):
        return  # of this server, the panel lists nothing
    command = "app.extensionManager.command.execute('Workspace.ToggleSidebarTab.assets')"
    page.page.evaluate(command)
    page.page.get_by_text("only_01").first.wait_for()
    page.page.evaluate(command)


def test_the_examples_are_among_the_templates(page: FrontEnd, comfy: ComfyServer) -> None:
    assert set(comfy.get("/api/workflow_templates")["comfyui-seqsave"]) == set(examples.NAMES)
    page.page.evaluate("app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    dialog = page.page.get_by_role("dialog")
    for name in examples.NAMES:
        dialog.get_by_text(name).wait_for()
        assert (examples.FOLDER / f"{name}.jpg").is_file()  # what it shows
    dialog.get_by_text("save_to_bucket").click()
    page.wait_for_nodes(len(examples.ui("save_to_bucket")["nodes"]))


@pytest.mark.parametrize(("extension", "kind"), [("png", "image/png"), ("webp", "image/webp"), ("avif", "image/avif")])
def test_a_saved_file_brings_its_workflow_back(page: FrontEnd, comfy: ComfyServer, extension: str, kind: str) -> None:
    page.load(examples.ui("save_video_frames"))
    page.set(FRAMES, directory_path="dropped", filetype=f"{extension} with embedded workflow", prefix="käse")
    page.run()
    page.wait_for_picture(FRAMES)
    types = page.types()
    page.clear()

    data = (comfy.output / "dropped" / f"käse_01005.{extension}").read_bytes()
    page.drop(f"any.{extension}", data, kind)
    page.wait_for_nodes(len(types))
    assert page.types() == types
    values = page.page.evaluate(f"app.graph.nodes.find((node) => node.type === '{FRAMES}').widgets[1].value")
    assert values == "käse"


def test_a_refused_path_makes_the_node_red_before_anything_runs(page: FrontEnd) -> None:
    page.load(examples.ui("save_video_frames"))
    page.set(FRAMES, directory_path="/somewhere/else")
    page.press_run()
    page.page.get_by_text("View details").click()
    shown = page.shown(FRAMES)
    assert shown["red"]
    assert "graphs may not access /somewhere/else on this server" in shown["errors"][0]
    assert '[comfyui] allow = ["/somewhere/else"]' in shown["errors"][0]


def test_a_missing_bucket_makes_the_node_red(page: FrontEnd, s3: S3Server, configure: Callable[[str], int]) -> None:
    configure(examples.targets(s3.new_prefix(), s3.storage_options))
    page.load(examples.ui("save_video_frames"))
    page.set(FRAMES, directory_path="nobucket://x")
    ended = page.run()
    assert ended["kind"] == "execution_error"
    page.page.get_by_text("View details").click()
    assert page.shown(FRAMES)["red"]
    page.page.get_by_text("bucket 'seqsave-no-such-bucket' does not exist; create it").first.wait_for()
    assert s3.secret not in json.dumps(ended)


def test_the_settings_panel_shows_what_the_administrator_has_set(
    page: FrontEnd, comfy: ComfyServer, configure: Callable[[str], int]
) -> None:
    configure('[targets.renders]\nurl = "s3://hidden/x"\n[comfyui]\npublish_behind = false\n')
    page.page.evaluate("app.extensionManager.command.execute('Comfy.ShowSettingsDialog')")
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_text("seqsave", exact=True).first.click()
    dialog.get_by_text("renders://").wait_for()
    dialog.get_by_text("graphs wait until their frames are published").wait_for()
    dialog.get_by_text("none is allowed").wait_for()
    assert "hidden" not in dialog.inner_text()
    page.page.keyboard.press("Escape")


def test_the_help_panel_shows_our_page(page: FrontEnd) -> None:
    page.load(examples.ui("save_animation_frame_by_frame"))
    page.select(SAVER)
    page.page.get_by_test_id("info-button").click()
    page.page.get_by_role("heading", name="Where to save").wait_for()


def test_every_node_has_a_help_page_for_every_input_and_output(comfy: ComfyServer) -> None:
    nodes: dict[str, Any] = comfy.get("/object_info")
    ours = {name: node for name, node in nodes.items() if name.endswith("[seqsave]")}
    assert len(ours) == 7
    for name, node in ours.items():
        url = f"{comfy.url}/extensions/comfyui-seqsave/docs/{urllib.parse.quote(name)}.md"
        with urllib.request.urlopen(url) as answer:
            text = answer.read().decode()
        assert text.startswith(f"# {node['display_name']}\n")
        required, optional = node["input_order"]["required"], node["input_order"].get("optional", [])
        for word in {*required, *optional, *node["output_name"]} - {"frame_counter"}:
            assert f"**{word}**" in text, (name, word)


def test_the_blueprint_is_in_the_node_library(page: FrontEnd) -> None:
    command = "app.extensionManager.command.execute('Workspace.ToggleSidebarTab.node-library')"
    page.page.evaluate(command)
    page.page.locator(".side-bar-panel, .sidebar-content-container").get_by_role("combobox").or_(
        page.page.get_by_placeholder("Search", exact=False)
    ).first.fill("Save animation")
    page.page.get_by_text("Save animation", exact=True).first.wait_for()
    page.page.evaluate(command)


def test_the_blueprint_saves_the_frames_of_an_animation(page: FrontEnd, comfy: ComfyServer) -> None:
    listed = comfy.get("/global_subgraphs")
    (key,) = (key for key, entry in listed.items() if entry["info"]["node_pack"] == "custom_nodes.comfyui-seqsave")
    assert listed[key]["name"] == "Save animation"
    page.load(json.loads(comfy.get(f"/global_subgraphs/{key}")["data"]))
    assert page.unknown() == []
    page.page.evaluate(
        "() => { const [saver] = app.graph.nodes; const image = LiteGraph.createNode('EmptyImage');"
        "app.graph.add(image); image.connect(0, saver, 0) }"
    )
    values = "({frame, total}) => { const node = app.graph.nodes.find((one) => one.isSubgraphNode?.());"
    values += "const set = {frame_index: frame, total_frames: total, directory_path: 'blueprint'};"
    values += "for (const widget of node.widgets) if (widget.name in set) widget.value = set[widget.name] }"
    for frame in (0, 1):
        page.page.evaluate(values, {"frame": frame, "total": 2})
        assert page.run()["kind"] == "execution_success"
    folder = comfy.output / "blueprint"
    assert sorted(path.name for path in folder.glob("*.png")) == ["frame_00000.png", "frame_00001.png"]
    assert json.loads((folder / ".seqsave" / "frame.png.json").read_text())["complete"] is True
