"""Fetch Sequence: copies a sequence on a remote target to local files, for nodes that open files."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from seqsave import targets

from .. import access, host, parallel
from ..objects import AnimationSequence
from . import inputs

__all__ = ["FetchSequence"]


class FetchSequence:
    """Copy remote frames into ComfyUI's temp folder."""

    TITLE = "Fetch Sequence"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Copies a sequence from a bucket or another server into ComfyUI's temp folder, in parallel, for nodes that "
        "open local files: video encoders, blending, tweening. Local frames are passed on unchanged."
    )
    SEARCH_ALIASES = ["download sequence", "sequence to local files", "seqsave"]
    RETURN_TYPES = ("ANIMATION_SEQUENCE",)
    RETURN_NAMES = ("sequence",)
    OUTPUT_TOOLTIPS = ("The same frames as local files. ComfyUI deletes them when it starts again.",)
    FUNCTION = "fetch"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Return the declarations of the inputs."""
        return {"required": {"sequence": inputs.SEQUENCE}}

    def fetch(self, sequence: Any) -> tuple[Any]:
        """Return the sequence with local paths; return an undefined one unchanged."""
        if not sequence.is_defined:
            return (sequence,)
        remote = sorted({url for files in sequence.frames.values() for url in files if not os.path.isabs(url)})
        if not remote:
            return (sequence,)
        temp = host.folders().temp
        os.makedirs(temp, exist_ok=True)
        folder = os.path.abspath(tempfile.mkdtemp(prefix="seqsave_", dir=temp))
        # Each origin has a folder of its own: variations of a frame have the same name.
        origins = sorted({_folder_of(url) for url in remote})
        folders = {
            origin: targets.resolve(os.path.join(folder, f"batch_{number:04d}"))
            for number, origin in enumerate(origins)
        }

        def copy(url: str) -> str:
            name = url.rpartition("/")[2]
            data = access.read(url)
            # Without pathlib: on Windows, it reads a name such as C:x.png as a folder, which a target refuses.
            target = folders[_folder_of(url)]
            target.publish(name, data, content_type="application/octet-stream")
            return target.url_of(name)

        local = dict(zip(remote, parallel.each(copy, remote), strict=True))
        frames = {index: [local.get(url, url) for url in files] for index, files in sorted(sequence.frames.items())}
        return (AnimationSequence(sequence.frame_counter, frames),)


def _folder_of(url: str) -> str:
    return url.rpartition("/")[0]
