"""Declarations of a plugin that is installed under two names."""

from dataclasses import replace

from seqsave.plugins.hookspecs import hookimpl
from seqsave.specs import EncoderSpec
from tests.kit import TINY

SPEC = replace(TINY, filetype="twice", extensions=("twice",))


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    return [SPEC]
