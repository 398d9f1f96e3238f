"""A hook without a marker, which is never called."""

from seqsave.types import EncoderSpec
from tests.kit import TINY


def seqsave_encoders() -> list[EncoderSpec]:
    return [TINY]
