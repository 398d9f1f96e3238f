"""The kit for storages, on a real S3 server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from seqsave_obstore import S3
from seqsave_obstore.target import FastS3Target
from tests.support.needs import needs_obstore
from tests.targets.test_base import ServerPlace

from seqsave import targets
from seqsave.testing import TargetPlace, TargetSuite

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3 import S3Server


class TestObstore(TargetSuite):
    spec = S3
    updates_are_safe = True
    server: S3Server

    @pytest.fixture(autouse=True)
    def _server(self, s3_server: S3Server) -> None:
        needs_obstore()
        type(self).server = s3_server

    def place(self, tmp_path: Path) -> TargetPlace:
        return ServerPlace(self.server, {**self.server.storage_options, "client": "obstore"})

    def test_it_is_obstore(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        assert type(targets.resolve(place.url, place.storage_options)) is FastS3Target
