"""The farm of these tests, with a local folder and the real S3 server as its storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.farms.farm import Farm

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def farm(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Farm:
    server = request.getfixturevalue("s3_server") if request.param == "s3" else None
    return Farm.build(tmp_path, server, monkeypatch)
