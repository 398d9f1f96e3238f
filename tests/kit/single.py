"""A hook that returns one declaration instead of a list."""

from seqsave.plugins.hookspecs import hookimpl
from seqsave.specs import EncoderSpec
from tests.kit import TINY


@hookimpl
def seqsave_encoders() -> EncoderSpec:
    return TINY
