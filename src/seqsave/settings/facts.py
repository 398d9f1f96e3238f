"""The facts that settings state: about a sequence, for its manifest; about each picture, for its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from seqsave.manifest import Facts
from seqsave.settings.groups import REPLACING_ALL
from seqsave.types import FrameInfo, ImageInfo

if TYPE_CHECKING:
    from seqsave.naming.key import FrameKey
    from seqsave.pictures.pixels import Taken
    from seqsave.settings.config import WriterConfig
    from seqsave.settings.formats import Format

__all__ = ["PictureFacts", "facts_of"]


def facts_of(form: Format, config: WriterConfig) -> Facts:
    """Return the facts about the sequence of one file type, for its manifest."""
    numbers, embedding = config.naming, config.embedding
    return Facts(
        prefix=form.rule.prefix,
        separator=form.rule.separator,
        tail=form.rule.tail,
        extension=form.rule.extension,
        filetype=form.resolved.filetype,
        digits=form.rule.digits,
        start=numbers.start,
        step=numbers.step,
        total=numbers.total,
        rate=embedding.exact_rate,
        metadata=embedding.for_manifest(embeds=form.resolved.embed),
        recipe=config.delivery.recipe,
        keeps=config.delivery.if_exists not in REPLACING_ALL,
    )


class PictureFacts:
    """The facts about the pictures of one file type. Settings go before what a picture's source states of it."""

    def __init__(self, form: Format, config: WriterConfig) -> None:
        self._resolved, self._prefix, self._total = form.resolved, form.rule.prefix, config.naming.total
        self._rate, self._dpi = config.embedding.exact_rate, config.embedding.dpi
        self._tags = config.embedding.stated_tags
        self._replaced = [name for name, one in {"dpi": self._dpi, "rate": self._rate}.items() if one is not None]

    def left(self, info: ImageInfo, texts: Mapping[str, str]) -> ImageInfo:
        """Return what the source states, without the facts that a setting states instead.

        Nor with attributes of another format that are texts of the frame's metadata: a warning names them once.
        """
        if info.attributes and info.attributes_of != self._resolved.spec.filetype:
            kept = {name: value for name, value in info.attributes.items() if name not in texts}
            info = replace(info, attributes=kept)
        from seqsave.pictures.fitting import without  # here, as numpy comes with it

        return without(info, self._replaced)

    def of(self, key: FrameKey, taken: Taken) -> FrameInfo:
        """Return the facts about one frame, for its encoder."""
        image = taken.info
        return FrameInfo(
            index=key.index,
            batch=key.batch,
            prefix=self._prefix,
            filetype=self._resolved.filetype,
            name=key.name,
            total=self._total,
            rate=self._rate if self._rate is not None else image.rate,
            color=taken.color if taken.color is not None else image.color,
            dpi=self._dpi if self._dpi is not None else image.dpi,
            tags={**image.tags, **self._tags} if image.tags else self._tags,
            image=image,
        )
