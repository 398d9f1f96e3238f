"""The example workflows of the pack: where they are, and what they need."""

from __future__ import annotations

import json
from typing import Any

from server import PACK

__all__ = ["FOLDER", "NAMES", "api", "targets", "ui"]

FOLDER = PACK / "example_workflows"
# In this order: some load what one before them has saved.
NAMES = ("save_animation_frame_by_frame", "save_video_frames", "load_change_save", "save_in_a_loop", "save_to_bucket")


def ui(name: str) -> dict[str, Any]:
    """As the front end saves it."""
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def api(name: str) -> dict[str, Any]:
    """As programs send it to the server."""
    return dict(json.loads((FOLDER / "api" / f"{name}.json").read_text()))


def targets(url: str, storage_options: dict[str, Any]) -> str:
    """A configuration with the targets ``renders`` at ``url``, and ``nobucket`` in a bucket that does not exist."""
    options = ", ".join(f'{key} = "{value}"' for key, value in storage_options.items())
    urls = {"renders": url, "nobucket": "s3://seqsave-no-such-bucket"}
    return "".join(
        f'[targets.{name}]\nurl = "{url}"\nstorage_options = {{ {options} }}\n' for name, url in urls.items()
    )
