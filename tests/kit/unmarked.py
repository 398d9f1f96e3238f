"""A hook without a marker, which is never called."""

from seqsave.specs import EncoderSpec
from tests.kit import TINY


def seqsave_encoders() -> list[EncoderSpec]:
    return [TINY]
