"""Stores that several of these tests set up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import TargetSpec, Traits, targets
from tests.support.peculiar_s3 import PeculiarS3

FRAMES = np.arange(3 * 8 * 8 * 3, dtype="uint8").reshape(3, 8, 8, 3)


TEXT = "text/plain"


def options(server: PeculiarS3, client: str, **more: Any) -> dict[str, Any]:
    return {"endpoint_url": server.endpoint_url, "key": "key", "secret": "secretsecret", "client": client, **more}


def declare(*protocols: str, **more: Any) -> None:
    seqsave.register_target(TargetSpec(protocols=protocols, **more))


TRUSTED = Traits(publish="put", create=True, threads="shared")


posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


def publish(target: targets.Target, path: str, data: Any = b"data", **more: Any) -> targets.Published:
    return target.publish(path, data, content_type="image/png", **more)


def all_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
