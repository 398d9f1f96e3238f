"""The public names as users write them, for a type checker. Never run: mypy reads it against the installed package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type

import seqsave


def render() -> Iterator[npt.NDArray[np.float32]]:
    yield np.zeros((4, 4, 3), np.float32)


def write(prompt: dict[str, Any]) -> None:
    with seqsave.open_writer(
        "s3://renders/shot010",
        prefix="frame",
        digits=5,
        filetype="png with embedded workflow",
        start=0,
        step=1,
        total=None,
        at_end="stop output",
        if_exists="overwrite",
        metadata={"prompt": prompt, "workflow": {}},
        options=None,
        storage_options={"profile": "renderer"},
        concurrency=None,
        max_bytes=None,
        progress=False,
        on_event=listen,
    ) as writer:
        for image in render():
            assert_type(writer.write(image), Future[seqsave.SavedFrame])
        writer.write(np.zeros((4, 4), np.uint8), index=40, batch=None, metadata={"seed": 7})
        writer.write_frames(np.zeros((2, 4, 4, 3), np.uint8))
        writer.write_frames(render())
        writer.write_batch(np.zeros((2, 4, 4, 3), np.uint8))
        writer.flush()
    assert_type(writer, seqsave.SequenceWriter)
    assert_type(writer.result, seqsave.SaveResult)
    frame = writer.result.frames[0]
    assert_type(frame, seqsave.SavedFrame)
    assert_type(frame.batch, int | None)
    assert_type(writer.result.counts, dict[str, int])
    writer.close()
    writer.abort()


def listen(event: seqsave.Event) -> None:
    _ = (event.kind, event.done, event.total)


def save_everything() -> None:
    assert_type(seqsave.save(render(), "memory://renders"), seqsave.SaveResult)
    seqsave.save([np.zeros((4, 4, 3))], Path("renders"), filetype="jpg", options={"quality": 92})
    seqsave.save([], "renders", at_end="never")  # type: ignore[arg-type]
    seqsave.save([], "renders", no_such_setting=1)  # type: ignore[call-arg]


def flush() -> None:
    result = seqsave.flush()
    assert_type(result, seqsave.FlushResult)
    seqsave.flush(
        Path("spool"),
        target="s3://renders/shot010",
        storage_options={"profile": "renderer"},
        replace=True,
        retry=seqsave.RetryPolicy(attempts=3),
        on_frame=published,
    )
    assert_type(result.spool, str)
    assert_type(result.counts, dict[str, int])
    assert_type(result.frames, tuple[seqsave.FlushedFrame, ...])
    for frame in (*result.conflicts, *result.failures, *result.left):
        assert_type(frame.index, int | None)
        assert_type(frame.message, str)
    seqsave.flush(3)  # type: ignore[arg-type]
    seqsave.flush("spool", no_such_argument=1)  # type: ignore[call-arg]


def published(frame: seqsave.FlushedFrame) -> None:
    _ = (frame.url, frame.status, frame.reason, frame.is_left)


def configure() -> None:
    config = seqsave.check_settings(prefix="shot", if_exists="skip", rate=23.976)
    assert_type(config, seqsave.WriterConfig)
    assert_type(config.naming.prefix, str)
    assert_type(config.limits.concurrency, int | None)
    assert_type(seqsave.open_writer("renders", config, digits=3), seqsave.SequenceWriter)
    seqsave.save([], "renders", config)
    seqsave.SequenceWriter("renders", config, if_exists="nver")  # type: ignore[arg-type]
    seqsave.check_settings(filetpye="png")  # type: ignore[call-arg]


def read() -> None:
    sequence = seqsave.open_sequence("memory://renders", prefix=None, filetype=None, storage_options=None)
    assert_type(sequence, seqsave.FrameSequence)
    assert_type(sequence[0], seqsave.Frame)
    assert_type(sequence[1:3], tuple[seqsave.Frame, ...])
    assert_type(len(sequence), int)
    for frame in sequence:
        assert_type(frame, seqsave.Frame)
    assert_type(sequence.indices, tuple[int, ...])
    assert_type(sequence.expected, tuple[int, ...] | None)
    assert_type(sequence.info, seqsave.ImageInfo)
    assert_type(sequence.info.rate, Fraction | None)
    assert_type(sequence.missing, tuple[int, ...])
    assert_type(sequence.batches, tuple[int, ...])
    assert_type(sequence.urls, tuple[str, ...])
    assert_type(sequence.sheet(cells=12, columns=4, width=800), npt.NDArray[np.generic])
    assert_type(sequence.frame(40, batch=1).read_metadata(), dict[str, Any])
    frame = sequence.frame(40)
    picture: npt.NDArray[Any] = frame.read()
    _ = (picture.shape, frame.index, frame.url, frame.size)
    for found in seqsave.find_sequences(Path("renders"), recursive=True):
        assert_type(found, seqsave.FrameSequence)


class Encoder:
    """An encoder as a plugin's author writes it."""

    def encode(
        self,
        image: npt.NDArray[np.generic],
        *,
        metadata: Mapping[str, str],
        options: Mapping[str, Any],
        info: seqsave.FrameInfo,
    ) -> seqsave.Encoded:
        return seqsave.Encoded(data=image.tobytes(), leftover=metadata, warnings=(str(options), info.name))

    def decode(self, data: bytes, *, max_pixels: int) -> seqsave.Decoded:
        return seqsave.Decoded(array=np.frombuffer(data, np.uint8)[:max_pixels])


encoder: seqsave.Encoder = Encoder()

SPEC = seqsave.EncoderSpec(
    filetype="raw",
    extensions=("raw",),
    encoder="module:Encoder",
    dtypes=("uint8",),
    options={"level": seqsave.Option(type=int, default=1, min=0, max=9, help="how hard to try")},
)


@seqsave.hookimpl
def seqsave_encoders() -> list[seqsave.EncoderSpec]:
    return [SPEC]


def formats() -> None:
    seqsave.register_encoder(SPEC, clobber=True)
    seqsave.unregister_encoder("raw")
    assert_type(seqsave.filetypes(), tuple[str, ...])
    for info in seqsave.describe_filetypes():
        assert_type(info.spec, seqsave.EncoderSpec)


def errors() -> None:
    try:
        save_everything()
    except seqsave.SaveError as error:
        assert_type(error.result, seqsave.SaveResult | None)
    except seqsave.TargetError as error:
        assert_type(error.transient, bool)
    except (seqsave.FrameExistsError, seqsave.SeqSaveError) as error:
        assert_type(error.saved, int | None)
