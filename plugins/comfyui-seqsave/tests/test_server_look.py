"""Pages that play what a saver has saved, on ComfyUI's own server: the frames, and who may see them."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graphs import Graph, eight_bit
from helper_nodes import pictures
from PIL import Image
from server import PATIENCE, ComfyError
from test_server_s3 import Renders, renders

if TYPE_CHECKING:
    from server import ComfyServer

__all__ = ["renders"]  # a fixture


def shown(comfy: ComfyServer, folder: str, saver: str = "Save Frames", seed: int = 71) -> dict[str, Any]:
    """Save frames, and return what the saver shows."""
    graph = Graph()
    images = graph.pictures(2, seed=seed, height=64, width=96)
    node = graph.frames(folder, images) if saver == "Save Frames" else graph.saver(folder, images, filetype="png")
    return dict(comfy.run(graph)[node])


def opened(comfy: ComfyServer, places: Any) -> str:
    return str(comfy.post("/seqsave/look", {"places": places})["path"])


def picture(comfy: ComfyServer, page: str, query: str = "") -> Any:
    return np.asarray(Image.open(io.BytesIO(comfy.download(f"{page}0/f/1/full.jpg{query}")))).astype(int)


def status(comfy: ComfyServer, path: str, **headers: str) -> int:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(comfy.url + path, headers=named), timeout=PATIENCE
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def is_near(found: Any, wanted: Any) -> bool:
    """Noise does not survive a JPEG; its mean in each block does."""
    blocks = [np.asarray(one, float).reshape(8, 8, 12, 8, 3).mean(axis=(1, 3)) for one in (found, wanted)]
    return bool(np.abs(blocks[0] - blocks[1]).max() < 8)


def test_what_was_saved_is_played(comfy: ComfyServer, tmp_path_factory: Any) -> None:
    output = shown(comfy, "looked/at")
    (place,) = output["look"]
    assert place == {"folder": str(comfy.output / "looked" / "at"), "pattern": "frame_#####.png"}
    page = opened(comfy, output["look"])
    for base in (page, f"/api{page}"):
        assert comfy.get(f"{base}sequences.json")["sequences"][0]["runs"] == [[[0, 1, 1]]]
        assert is_near(picture(comfy, base), eight_bit(pictures(71, 2, 64, 96))[1])
        assert b"<html" in comfy.download(base)


def test_in_a_bucket_by_the_name_of_its_target(comfy: ComfyServer, renders: Renders) -> None:
    output = shown(comfy, "renders://looked", seed=72)
    assert output["look"] == [{"folder": "renders://looked", "pattern": "frame_#####.png"}]
    page = opened(comfy, output["look"])
    assert is_near(picture(comfy, page), eight_bit(pictures(72, 2, 64, 96))[1])
    text = comfy.download(f"{page}sequences.json").decode()
    assert renders.s3.secret not in text
    assert renders.s3.key not in text


def test_variations(comfy: ComfyServer) -> None:
    output = shown(comfy, "looked/variations", "Image Sequence Saver", seed=73)
    page = opened(comfy, output["look"])
    assert comfy.get(f"{page}sequences.json")["sequences"][0]["batches"] == [0, 1]
    assert status(comfy, f"{page}0/f/0/half.jpg?b=1") == 200


@pytest.mark.parametrize(
    "place",
    [
        {"folder": "/etc", "pattern": "frame_####.png"},
        {"folder": "s3://another/folder", "pattern": "frame_####.png"},
        {"folder": "looked/../../x", "pattern": "frame_####.png"},
        {"folder": "", "pattern": "../../../etc/frame_####.png"},
        {"folder": "", "pattern": "**/*.png"},
        {"folder": "", "pattern": "passwd"},
        {"folder": 1, "pattern": "frame_####.png"},
        {"folder": "nothing/here", "pattern": "frame_####.png"},
        "x",
    ],
)
def test_what_graphs_may_not_read_is_refused(comfy: ComfyServer, place: Any) -> None:
    with pytest.raises(ComfyError) as refused:
        opened(comfy, [place])
    assert set(refused.value.answer) == {"error"}


def test_a_link_that_leads_out_is_refused(comfy: ComfyServer, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "frame_00000.png")
    (comfy.output / "looked-link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ComfyError) as refused:
        opened(comfy, [{"folder": "looked-link", "pattern": "frame_#####.png"}])
    assert "link" in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("body", [None, [], {}, {"places": []}, {"places": "x"}, {"places": [{}] * 33}])
def test_a_request_that_means_nothing(comfy: ComfyServer, body: Any) -> None:
    with pytest.raises(ComfyError, match="places must be a list"):
        comfy.post("/seqsave/look", body)


def test_rules_of_the_page(comfy: ComfyServer) -> None:
    page = opened(comfy, shown(comfy, "looked/rules", seed=74)["look"])
    assert status(comfy, page, Sec_Fetch_Site="cross-site") == 403
    assert status(comfy, page, Sec_Fetch_Site="same-origin") == 200
    assert status(comfy, "/seqsave/look/another/") == 404
    assert status(comfy, f"{page}static/..%2f..%2fserver.py") == 404
    with urllib.request.urlopen(comfy.url + page, timeout=PATIENCE) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        # A server without API nodes, as this one, states a policy of its own for every answer: browsers enforce both.
        ours, comfyui = answer.headers.get_all("Content-Security-Policy")
    assert ours.startswith("default-src 'none'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in ours
    assert "'unsafe-eval'" in comfyui


def test_only_the_pages_opened_last_are_kept(comfy: ComfyServer) -> None:
    places = shown(comfy, "looked/many", seed=75)["look"]
    pages = [opened(comfy, places) for _ in range(17)]
    assert [status(comfy, page) for page in (pages[0], pages[1], pages[-1])] == [404, 200, 200]
