"""Declarations of a plugin whose backend is missing."""

from dataclasses import replace

from seqsave.plugins.hookspecs import hookimpl
from seqsave.specs import EncoderSpec
from tests.kit import TINY

SPEC = replace(TINY, filetype="partial", extensions=("partial",), encoder="tests.kit.partial:PartialEncoder")


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    return [SPEC]
