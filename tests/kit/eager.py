"""Declarations that import the codec, once the hook is called."""

from seqsave.plugins.hookspecs import hookimpl
from seqsave.specs import EncoderSpec
from tests.kit import TINY


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    from tests.kit import codec

    return [TINY] if codec else []
