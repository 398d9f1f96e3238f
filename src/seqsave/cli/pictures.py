"""The options of ``seqsave save`` that are about what the pictures are, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from seqsave.cli.parameters import as_pairs, one_of

__all__ = ["asks_for_change", "picture_options", "picture_settings"]

F = TypeVar("F", bound=Callable[..., Any])

METADATA_IN = ("each frame", "first frame", "sidecar", "none")
# None of these can be had by copying a file.
_CHANGING = ("dtype", "color", "convert_to", "dpi", "tag", "withhold")

_OPTIONS = (
    click.option("--dtype", help="One that the file type takes: uint16 makes 16-bit PNGs, float16 half floats."),
    click.option("--color", metavar="SPACE", help="What the values mean, as srgb or acescg; noted in the files."),
    click.option("--convert-to", metavar="SPACE", help='Convert from --color first; needs "seqsave[color]".'),
    click.option("--dpi", type=click.FloatRange(1), help="Pixels per inch, noted in the files."),
    click.option(
        "--tag",
        metavar="NAME=TEXT",
        multiple=True,
        callback=as_pairs,
        help="artist, copyright, description, software, or digital_source_type (trainedAlgorithmicMedia for pictures "
        "made by AI). Repeatable.",
    ),
    click.option(
        "--metadata-in",
        metavar=f"[{'|'.join(METADATA_IN)}]",
        default=METADATA_IN[0],
        show_default=True,
        callback=one_of(METADATA_IN),
        help="Where metadata and workflow go.",
    ),
    click.option(
        "--withhold",
        metavar="PATTERN",
        multiple=True,
        help="Take inputs of nodes out of prompt and workflow: 'Note.*', '*.api_key'. Repeatable.",
    ),
    click.option(
        "--preview",
        type=click.Choice(["mp4", "webm"]),
        help="A small movie beside the frames; needs \"seqsave[video]\". See also 'seqsave preview'.",
    ),
)


def picture_options(command: F) -> F:
    """Add them, in their order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def picture_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same as settings of the writer."""
    return {
        **{name: given[name] for name in ("dtype", "color", "convert_to", "dpi", "metadata_in", "preview")},
        "tags": given["tag"],
        "withhold": given["withhold"],
    }


def asks_for_change(given: Mapping[str, Any]) -> bool:
    """Whether frames have to be encoded anew for what is asked."""
    return any(given[name] for name in _CHANGING) or given["metadata_in"] != METADATA_IN[0]
