"""Stores that are stricter, or read conditions differently, than the real server of the tests; through both clients."""

from __future__ import annotations

import pytest

import seqsave
from seqsave import targets
from tests.support.peculiar_s3 import PeculiarS3
from tests.targets.stores import FRAMES, TEXT, options


def test_a_store_that_compares_bare_etags_ends_a_run(client: str) -> None:
    with PeculiarS3(bare_etags=True) as server:
        seqsave.save(FRAMES, "s3://b/x", storage_options=options(server, client), filetype="png")
        sequence = seqsave.open_sequence("s3://b/x", storage_options=options(server, client))
        assert sequence.manifest is not None
        assert sequence.manifest.complete
        assert server.statuses("PUT").count(412) == 1
        # It is remembered for the bucket: no other run asks twice.
        seqsave.save(FRAMES, "s3://b/y", storage_options=options(server, client), filetype="png")
        assert server.statuses("PUT").count(412) == 1


def updated_beside_another(server: PeculiarS3, target: targets.Target) -> list[bytes | None]:
    """Change a file that another program changes in between, and return what was changed."""
    seen: list[bytes | None] = []

    def change(before: bytes | None) -> bytes:
        if not seen:
            server.objects["b/x/file"] = b"by another"
        seen.append(before)
        return (before or b"") + b"+"

    target.update("file", change, content_type=TEXT)
    assert server.objects["b/x/file"] == b"by another+"
    return seen


def test_a_changed_file_is_no_reason_for_a_bare_etag(client: str) -> None:
    with PeculiarS3() as server:
        target = targets.resolve("s3://b/x", options(server, client))
        target.publish("file", b"one", content_type=TEXT)
        assert updated_beside_another(server, target) == [b"one", b"by another"]
        assert not target.known.bare_etags


def test_a_bare_etag_protects_what_another_wrote(client: str) -> None:
    """Also once it is known that this store wants it."""
    with PeculiarS3(bare_etags=True) as server:
        target = targets.resolve("s3://b/x", options(server, client))
        target.publish("file", b"one", content_type=TEXT)
        target.update("file", lambda before: b"two", content_type=TEXT)
        assert target.known.bare_etags
        assert updated_beside_another(server, target)[-1] == b"by another"


@pytest.mark.parametrize("demand", ["locked", "wants_md5"])
def test_a_bucket_with_locked_objects_takes_frames(client: str, demand: str) -> None:
    with PeculiarS3(**{demand: True}) as server:
        result = seqsave.save(FRAMES, "s3://b/x", storage_options=options(server, client), filetype="png")
        assert result.counts["saved"] == len(FRAMES)
        assert sum(key.endswith(".png") for key in server.objects) == len(FRAMES)


# --- credentials that change while a program runs ---


# --- profiles that cannot be used ---
