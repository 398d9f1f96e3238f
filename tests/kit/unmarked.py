"""A hook that nobody calls: no marker in front of it."""

from seqsave.types import EncoderSpec
from tests.kit import TINY


def seqsave_encoders() -> list[EncoderSpec]:
    return [TINY]
