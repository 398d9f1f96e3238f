"""A correct plugin for the kit's own tests: light declarations, as a plugin has them."""

from __future__ import annotations

from seqsave.plugins.hookspecs import hookimpl
from seqsave.specs import EncoderSpec, Option

TINY = EncoderSpec(
    filetype="tiny",
    extensions=("tiny", "tny"),
    encoder="tests.kit.codec:TinyEncoder",
    dtypes=("uint8", "uint16", "float32"),
    channels=(1, 3, 4),
    options={
        "level": Option(type=int, default=1, min=0, max=9, help="0 is fastest, 9 is smallest"),
        "exact": Option(type=bool, default=True, help="keep every bit"),
        "comment": Option(type=str, default="", help="goes into the header"),
    },
    metadata="embed",
    content_type="image/x-tiny",
)


class WordlessError(Exception):
    """An error that fails to return its text."""

    def __str__(self) -> str:
        raise ValueError("this error has no text")


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    return [TINY]
