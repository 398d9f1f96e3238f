"""A hook that returns none of its declarations."""

from seqsave.plugins.hookspecs import hookimpl
from seqsave.specs import EncoderSpec


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    return []
