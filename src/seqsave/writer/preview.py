"""Open the movie beside the frames of a writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqsave import naming
from seqsave.naming.key import FrameKey
from seqsave.runtime import retry

if TYPE_CHECKING:
    from seqsave.sequences.preview import Preview
    from seqsave.settings.config import WriterConfig
    from seqsave.targets import Target
    from seqsave.writer.encode import Warn

__all__ = ["open_preview"]


def open_preview(config: WriterConfig, target: Target, warn: Warn) -> Preview | None:
    """Open the movie of a writer's frames, if its settings ask for one. Raises as ``Preview``.

    It has the name of the frames of the first file type, and the metadata if any of the file types embeds it.
    """
    delivery, embedding, form, extension = config.delivery, config.embedding, config.formats[0], config.delivery.preview
    if extension is None:
        return None
    name, folder = f"{form.rule.stem}.{extension}", form.rule.folder
    key = FrameKey(config.naming.start, None, naming.join(folder, name))
    if config.copies:
        text = "no preview: the files are copied, and not decoded; make one of the saved frames with seqsave preview"
        warn("preview", text, key)
        return None
    from seqsave.sequences.belongings import refuse_others
    from seqsave.sequences.preview import Preview  # here, as the library for movies comes with it
    from seqsave.sequences.shown import Screen

    embeds = embedding.metadata_in != "none" and any(one.resolved.embed for one in config.formats)
    create, kind = delivery.if_exists == "error", f"video/{extension}"

    view = next((one.pixels.view for one in config.formats if one.pixels.view is not None), None)

    def warned(kind: str, message: str) -> None:
        warn(kind, message, key)

    def publish(data: bytes) -> None:
        refuse_others(target, key.path)
        retry.call(delivery.policy, lambda: target.publish(key.path, data, content_type=kind, create=create))

    return Preview(
        extension,
        rate=embedding.exact_rate,
        texts=embedding.texts if embeds else {},
        screen=Screen(
            color=form.pixels.stated,
            view=view,
            wanted=form.pixels.wanted,
            drops_color=form.pixels.drops_color,
            over_light=not form.pixels.shows_linear and form.pixels.view is None,
            alpha=form.alpha,
            saved_as=form.resolved.extension if form.pixels.dtype.startswith("float") else "",
        ),
        publish=publish,
        warn=warned,
    )
