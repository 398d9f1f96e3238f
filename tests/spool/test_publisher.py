from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seqsave import targets
from seqsave.errors import SpoolError, TargetError
from seqsave.spool import Publisher, Records, Spool, publisher
from seqsave.spool.publisher import publisher_of
from tests.spool.kept import keep
from tests.spool.test_rounds import Failing
from tests.support.patience import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def behind(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setattr(publisher, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(publisher, "LONGEST_WAIT", 0.2)
    made = Publisher(spool, Records)
    yield made
    made.stop(PATIENCE)


@pytest.fixture
def failing(tmp_path: Path) -> Any:
    return Failing(targets.resolve(tmp_path / "renders"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_what_is_put_there_is_published_behind(spool: Spool, behind: Publisher, failing: Any, tmp_path: Path) -> None:
    for index in range(20):
        keep(spool, failing.target, index)
        behind.wake(failing, failing.identity())
    behind.wait(failing.identity())
    assert names(tmp_path / "renders") == [f"frame_{index:05d}.png" for index in range(20)]
    assert behind.trouble(failing.identity()) == ""
    assert spool.contents().entries == ()


def test_there_is_no_thread_without_work(spool: Spool, behind: Publisher, failing: Any) -> None:
    others = set(threading.enumerate())  # of other tests in this process

    def running() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name == "seqsave-spool" and one not in others]

    behind.wait(failing.identity())
    behind.adopt(failing.identity())
    assert running() == []
    keep(spool, failing.target, 1)
    behind.wake(failing, failing.identity())
    behind.wait(failing.identity())
    wait_until(lambda: not running())
    keep(spool, failing.target, 2)
    behind.wake(failing, failing.identity())
    behind.wait(failing.identity())
    assert failing.target.exists("frame_00002.png")


def test_trouble_is_reported_once_and_ends_by_itself(spool: Spool, behind: Publisher, failing: Any) -> None:
    failing.error = TargetError("it is away", transient=True)
    keep(spool, failing.target, 1)
    behind.wake(failing, failing.identity())
    with pytest.raises(SpoolError, match=r"1 frame saved before could not be published \(kept in the spool .*away"):
        behind.wait(failing.identity())
    reported: list[str] = []
    wait_until(
        lambda: reported.append(behind.trouble(failing.identity())) or reported[-1], "another failure of the next try"
    )
    assert "it is away" in reported[-1]
    failing.error = None
    behind.wait(failing.identity())
    assert behind.trouble(failing.identity()) == ""
    assert spool.contents().entries == ()


def test_frames_that_came_after_the_failure_are_counted(spool: Spool, behind: Publisher, failing: Any) -> None:
    failing.error = TargetError("it is away", transient=True)
    keep(spool, failing.target, 1)
    behind.wake(failing, failing.identity())
    reported: list[str] = []
    wait_until(lambda: any(place.failure for place in behind._places.values()), "the first failure")
    keep(spool, failing.target, 2)
    reported.append(behind.trouble(failing.identity()))
    assert reported[0].startswith("2 frames saved before could not be published")


def test_a_conflict_is_reported_and_not_tried_again(spool: Spool, behind: Publisher, failing: Any) -> None:
    failing.target.publish("frame_00001.png", b"theirs", content_type="image/png")
    keep(spool, failing.target, 1, create=True)
    behind.wake(failing, failing.identity())
    with pytest.raises(SpoolError, match="another file exists"):
        behind.wait(failing.identity())
    behind.wait(failing.identity())
    assert len(failing.asked) == 1
    assert len(spool.contents().entries) == 1


def test_a_conflict_from_before_the_wait_is_reported_by_it(spool: Spool, behind: Publisher, failing: Any) -> None:
    failing.target.publish("frame_00001.png", b"theirs", content_type="image/png")
    keep(spool, failing.target, 1, create=True)
    behind.wake(failing, failing.identity())
    wait_until(lambda: behind.is_idle)
    with pytest.raises(SpoolError, match="another file exists"):
        behind.wait(failing.identity())
    behind.wait(failing.identity())


def test_a_conflict_is_reported_once_however_often_its_place_is_published(
    spool: Spool, behind: Publisher, failing: Any
) -> None:
    failing.target.publish("frame_00001.png", b"theirs", content_type="image/png")
    keep(spool, failing.target, 1, create=True)
    for index in (2, 3):
        keep(spool, failing.target, index)
        behind.wake(failing, failing.identity())
        behind.wait(failing.identity(), concerns=lambda entry: entry.index != 1)
        assert behind.trouble(failing.identity()) == ""
        assert failing.target.exists(f"frame_{index:05d}.png")
    assert behind.conflicts(failing.identity(), lambda entry: entry.index != 1) == []
    assert [one.reason for one in behind.conflicts(failing.identity())] == ["exists"]
    assert behind.conflicts(failing.identity()) == []
    assert len(spool.contents().entries) == 1


@pytest.mark.parametrize("name", ["broken", "already-rendered"])
def test_a_broken_spool_is_reported_whatever_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "FIRST_WAIT", 0.05)
    broken, target = Spool(tmp_path / name), targets.resolve(tmp_path / "renders")
    keep(broken, target, 1)
    (tmp_path / name / broken.identities()[0] / "lock").mkdir()
    behind = Publisher(broken, Records)
    behind.wake(target, target.identity())
    with pytest.raises(SpoolError, match="cannot be used"):
        behind.wait(target.identity())
    behind.stop(PATIENCE)


def test_another_publisher_of_the_same_frames_is_no_trouble(
    spool: Spool, behind: Publisher, failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(spool, failing.target, 1)
    tried: list[str] = []
    flush = publisher.flush_place

    def note(*arguments: Any, **named: Any) -> Any:
        try:
            return flush(*arguments, **named)
        except SpoolError as error:
            tried.append(error.reason)
            raise

    monkeypatch.setattr(publisher, "flush_place", note)
    with spool.locked(spool.identities()[0]):
        behind.wake(failing, failing.identity())
        wait_until(lambda: tried and not any(place.is_busy for place in behind._places.values()))
        assert tried[0] == "in use"
        assert behind.trouble(failing.identity()) == ""
    behind.wait(failing.identity())
    assert spool.contents().entries == ()


def test_waiting_can_be_interrupted(spool: Spool, behind: Publisher, failing: Any) -> None:
    begun, going_on = threading.Event(), threading.Event()
    publish = failing.target.publish

    def slow(*arguments: Any, **named: Any) -> Any:
        begun.set()
        going_on.wait(PATIENCE)
        return publish(*arguments, **named)

    failing.publish = slow
    keep(spool, failing.target, 1)
    behind.wake(failing, failing.identity())

    assert begun.wait(PATIENCE)  # from now on nothing waits in the spool that is not being published

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        behind.wait(failing.identity(), interrupt)
    going_on.set()
    behind.wait(failing.identity())


def test_a_place_above_or_below_is_waited_for_and_no_other(spool: Spool, behind: Publisher, failing: Any) -> None:
    failing.error = TargetError("it is away", transient=True)
    keep(spool, failing.target, 1)
    place = dict(failing.identity())
    behind.wake(failing, place)
    behind.wait({**place, "root": place["root"] + "other"})
    behind.wait({**place, "storage": "s3"})
    for root in (place["root"] + "/below", str(Path(place["root"]).parent)):
        with pytest.raises(SpoolError, match="it is away"):
            behind.wait({**place, "root": root})


def test_what_others_have_left_is_taken_over(spool: Spool, behind: Publisher, tmp_path: Path) -> None:
    for name in ("one", "two"):
        keep(spool, targets.resolve(tmp_path / name), 1)
    place = targets.resolve(tmp_path / "one" / "below").identity()
    behind.adopt(place)
    behind.wait(place)
    assert behind.is_idle
    assert names(tmp_path / "one") == ["frame_00001.png"]
    assert names(tmp_path / "two") == []


def test_an_unexpected_error_is_reported(spool: Spool, behind: Publisher, failing: Any) -> None:
    failing.error = ZeroDivisionError("oh")
    keep(spool, failing.target, 1)
    behind.wake(failing, failing.identity())
    with pytest.raises(SpoolError, match="unexpected ZeroDivisionError: oh"):
        behind.wait(failing.identity())


def test_one_for_each_folder(tmp_path: Path) -> None:
    one, other = (publisher_of(Spool(tmp_path / name), Records) for name in ("a", "b"))
    assert one is not other
    assert publisher_of(Spool(tmp_path / "a"), Records) is one


def test_the_end_of_the_program_loses_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from seqsave import targets\n"
        "from seqsave.spool import Records, Spool\n"
        "from seqsave.spool.publisher import publisher_of\n"
        "from tests.spool.kept import keep\n"
        f"root = Path({str(tmp_path)!r})\n"
        "spool, target = Spool(root / 'spool'), targets.resolve(root / 'renders')\n"
        "for index in range(50):\n"
        "    keep(spool, target, index)\n"
        "    publisher_of(spool, Records).wake(target, target.identity())\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=Path(__file__).parents[2], check=True)
    waiting = {entry.path for entry in Spool(tmp_path / "spool").contents().entries}
    assert waiting | set(names(tmp_path / "renders")) == {f"frame_{index:05d}.png" for index in range(50)}
