"""Pages on the server of another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import seqsave
from seqsave.errors import SequenceNotFoundError
from seqsave.look import Pages
from tests.look.elsewhere import run, served_elsewhere

if TYPE_CHECKING:
    from aiohttp import ClientSession


def test_pages_on_another_server(tmp_path: Path) -> None:
    for name in "ab":
        seqsave.save(np.zeros((2, 8, 8, 3), np.float32), tmp_path / name, filetype="png")
    pages = Pages("/look", most=2)

    async def visit(client: ClientSession) -> None:
        path = await pages.open([(tmp_path / "a", None), (str(tmp_path / "b" / "frame_#####.png"), None)])
        assert path.startswith("/look/")
        async with client.get(f"{path}sequences.json") as answer:
            assert len((await answer.json())["sequences"]) == 2
        async with client.get(f"{path}1/f/1/half.jpg", headers={"Host": "studio.example"}) as answer:
            assert answer.status == 200, "the other server has its own rule for hosts"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with client.get(path, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
        for _ in range(2):
            last = await pages.open([(tmp_path / "a", None)])
        for one, status in ((path, 404), (last, 200), ("/look/x/", 404)):
            async with client.get(one) as answer:
                assert answer.status == status

    served_elsewhere(pages, visit)


def test_a_place_without_a_sequence(tmp_path: Path) -> None:
    pages = Pages("/look")
    with pytest.raises(SequenceNotFoundError):
        run(pages.open([(tmp_path, None)]))
    pages.close()
