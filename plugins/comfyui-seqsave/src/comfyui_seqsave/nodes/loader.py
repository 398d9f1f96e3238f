"""Image Sequence Loader: loads the frame at a counter's number, from a folder or URL."""

from __future__ import annotations

from typing import Any

from seqsave import SequenceNotFoundError

from .. import listing, parallel, pictures
from ..objects import check_counter
from . import inputs

__all__ = ["ImageSequenceLoader"]


class ImageSequenceLoader(inputs.Looking):
    """Load one frame, or its variations from batch folders."""

    TITLE = "Image Sequence Loader"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Loads the frame at the counter's number. Frames in batch folders become one batch of variations."
    SEARCH_ALIASES = ["load image sequence", "load animation frame", "load from s3", "seqsave"]
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("image", "frame_name")
    OUTPUT_TOOLTIPS = ("The frame, without alpha.", "The file's name; empty if the default image was used.")
    FUNCTION = "result"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Return the declarations of the inputs."""
        return {
            "required": {
                "frame_counter": inputs.FRAME_COUNTER,
                "directory_path": inputs.directory_path("Where the frames are"),
                "pattern": inputs.pattern(),
                "indexing": inputs.indexing(),
            },
            "optional": {"default_image": ("IMAGE", {"tooltip": "The image to return if the frame does not exist."})},
        }

    def result(
        self, frame_counter: Any, directory_path: str, pattern: str, indexing: str, default_image: Any = None
    ) -> tuple[Any, str]:
        """Return IMAGE, B,H,W,3, and the file's name. Raises SequenceNotFoundError without a default image."""
        check_counter(frame_counter)
        index = int(frame_counter.current_frame)
        found = parallel.away(lambda: listing.frames(directory_path, pattern, indexing)).get(index)
        if not found:
            if default_image is not None:
                return default_image, ""
            raise SequenceNotFoundError(
                f"{directory_path or 'the output folder'} has no frame {index} that matches {pattern!r}; connect "
                "default_image to continue without it"
            )
        arrays = parallel.each(listing.Picture.read, found)
        image, _ = pictures.stack(arrays, [picture.name for picture in found])
        return image, found[0].name
