"""A hook that returns nothing of what it should."""

from seqsave.plugins.hookspecs import hookimpl
from seqsave.types import EncoderSpec


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    return []
