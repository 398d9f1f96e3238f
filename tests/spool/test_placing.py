"""One file on its way from the spool: sent as it was kept, verified afterwards, never over another file."""

from dataclasses import replace

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.spool import Records, Spool, flush_place
from tests.spool.flushing import Failing, left
from tests.spool.kept import item, keep, target_of
from tests.support.places import Place
from tests.support.s3 import S3Server


def test_the_content_type_arrives(s3_server: S3Server, spool: Spool) -> None:
    url = s3_server.new_prefix()
    target = targets.resolve(url, s3_server.storage_options)
    keep(spool, target, 1)
    flush_place(spool, target, target.identity(), records=Records())
    assert s3_server.head(f"{url}/frame_00001.png")["ContentType"] == "image/png"


def test_what_must_not_replace_leaves_another_file_alone(place: Place, spool: Spool) -> None:
    target = target_of(place)
    for index, sidecar in ((1, "one"), (2, "two"), (3, "three")):
        beside = item(f".seqsave/{sidecar}.json", b"{}", content_type="application/json")
        keep(spool, target, index, b"ours", create=True, sidecars=[beside])
    place.write("frame_00001.png", b"theirs")
    place.write("frame_00002.png", b"ours")
    outcomes = flush_place(spool, target, target.identity(), records=Records())
    found = {outcome.entry.index: outcome for outcome in outcomes if outcome.entry}
    assert {index: one.status for index, one in found.items()} == {1: "conflict", 2: "published", 3: "published"}
    assert "another file exists" in found[1].message
    assert place.read("frame_00001.png") == b"theirs"
    assert place.names() == [
        *[".seqsave/three.json", ".seqsave/two.json"],
        *["frame_00001.png", "frame_00002.png", "frame_00003.png"],
    ]
    assert left(spool) == [1]


def test_what_does_not_arrive_as_it_was_sent_stays(spool: Spool, failing: Failing) -> None:
    keep(spool, failing.target, 1, b"picture")
    failing.read = lambda _: b"pictUre"  # type: ignore[attr-defined]
    (outcome,) = flush_place(spool, failing, failing.identity(), records=Records())  # type: ignore[arg-type]
    assert outcome.status == "failed"
    assert "not what was saved" in outcome.message
    assert left(spool) == [1]


def test_credentials_that_may_only_write_are_good_enough(spool: Spool, failing: Failing) -> None:
    keep(spool, failing.target, 1, b"picture")

    def read(_: str) -> bytes:
        raise TargetError("the credentials do not allow it", fault="denied")

    failing.read = read  # type: ignore[attr-defined]
    (outcome,) = flush_place(spool, failing, failing.identity(), records=Records())  # type: ignore[arg-type]
    assert (outcome.status, outcome.verified) == ("published", False)
    assert left(spool) == []


def test_an_acknowledged_checksum_saves_the_look(spool: Spool, failing: Failing) -> None:
    keep(spool, failing.target, 1, b"picture")
    publish = failing.target.publish
    failing.publish = lambda *a, **k: replace(publish(*a, **k), acknowledged=True)  # type: ignore[method-assign]
    failing.read = None  # type: ignore[attr-defined]
    (outcome,) = flush_place(spool, failing, failing.identity(), records=Records())  # type: ignore[arg-type]
    assert (outcome.status, outcome.verified) == ("published", True)
