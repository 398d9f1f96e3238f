"""Look at 1080p frames on a real S3 server behind 80 ms and 100 Mbit/s, as the page of `seqsave view` does.

"download" is reading all frames of the sequence on 16 threads. A client asks the server as the page does: for the list,
for the first frame, then for the frames after it, four at a time and in order, and shows each one when its turn has
come. All rows of one table share the store, the network and the server's settings. ``--rows TEXT`` chooses rows.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from tests.support.processes import Served
from tests.support.s3 import S3Server

import seqsave
from benchmarks.frames import bytes_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate
from benchmarks.ways import encode
from seqsave.look.page import make_page
from seqsave.look.small import make
from seqsave.pictures.packs import Source, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.plan import Plan

LATENCY, BANDWIDTH = 0.08, 12.5e6  # 100 Mbit/s
RATE = 24
THREADS = 16
REQUESTS = 4  # of the page
GROWN = 5  # frames that are added while a page follows
MB = 1e6
WAYS = {
    "PNG, with proxies": {"filetype": "png", "proxies": True},
    "JPEG, without": {"filetype": "jpg"},
    "PNG, without": {"filetype": "png"},
}


SAVING, MEMORY, PAGE = "saving", "memory", "static page"


def run(plan: Plan) -> Report:
    report = Report()
    if plan.wants(SAVING):
        _saving(plan, report)
    ways = [way for way in WAYS if plan.wants(way)]
    if ways:
        _looking(ways, plan, report)
    if plan.wants(MEMORY):
        _memory(plan, report)
    if plan.wants(PAGE):
        _static_page(plan, report)
    return report


# --- what it costs to save them --------------------------------------------------------------------------------------


def _saving(plan: Plan, report: Report) -> None:
    frames = bytes_1080p(plan.pick(4, 16))

    def proxies() -> None:
        for frame in frames:
            make(frame)

    def pngs() -> None:
        for frame in frames:
            encode(frame)

    def saved(with_proxies: bool) -> None:
        seqsave.save(frames, "memory://benchmarks-look", filetype="png", proxies=with_proxies, concurrency=1)

    rows = {
        "encode as PNG": pngs,
        "make thumbnail and half": proxies,
        "save to memory": lambda: saved(False),
        "save to memory, with proxies": lambda: saved(True),
    }
    timings = alternate(rows, plan.rounds)
    ms = {name: 1000 * timing.least_cpu / len(frames) for name, timing in timings.items()}
    png = ms["encode as PNG"]
    made = [make(frame) for frame in frames]
    share = sum(one.size for one in made) / sum(len(encode(frame)) for frame in frames)
    thumbs = sum(len(one.thumb) for one in made) / sum(len(encode(frame)) for frame in frames)
    table = [[name, f"{value:.1f}", f"{value / png:.2f}"] for name, value in ms.items()]
    note = f"Thumbnail and half have {100 * share:.1f} % of the PNG's bytes, the thumbnail {100 * thumbs:.2f} %."
    report.tables.append(
        Table("Stored proxies of a 1080p frame, one thread", ["step", "CPU ms", "x PNG encoding"], table, note)
    )
    extra = (ms["save to memory, with proxies"] - ms["save to memory"]) / png
    report.claims.append(Claim("proxies, of the time to encode PNG", extra, 0.3, at_most=True))


# --- how it looks ----------------------------------------------------------------------------------------------------


def _looking(ways: Sequence[str], plan: Plan, report: Report) -> None:
    count = plan.pick(24, 132)
    frames = bytes_1080p(count)
    with S3Server() as server:
        options = server.storage_options
        urls = {way: server.new_prefix() for way in ways}
        for way in ways:
            seqsave.save(frames, urls[way], rate=RATE, storage_options=options, **WAYS[way])
        with Served(
            "tests.support.proxy", server.endpoint_url, f"--latency={LATENCY}", f"--bandwidth={BANDWIDTH}"
        ) as proxy:
            slow = {**options, "endpoint_url": proxy.hello["endpoint_url"]}
            downloads: dict[str, float] = {}  # by the frames' file type, as proxies are not downloaded
            for way in ways:
                kind = str(WAYS[way]["filetype"])
                if kind not in downloads:
                    downloads[kind] = _download(urls[way], slow)
            rows = [_row(way, urls[way], slow, count, downloads[str(WAYS[way]["filetype"])], report) for way in ways]
    title = f"{count} frames of 1080p at {RATE} frames/s behind {1000 * LATENCY:.0f} ms and 100 Mbit/s"
    columns = ["sequence", "MB", "download s", "first picture s", "of it", "x the rate", "late", "x the link"]
    note = (
        "The first picture: from the start of `seqsave view` on. Late: frames that were not there at their turn. "
        "The link: the rate at which it carries these files. A jump: to a frame that was not read yet."
    )
    report.tables.append(Table(title, [*columns, "jump s", "of it"], rows, note))


def _row(way: str, url: str, options: dict[str, Any], count: int, whole: float, report: Report) -> list[str]:
    """whole: the seconds in which the frames are downloaded."""
    start = time.perf_counter()
    with _viewing([url], options) as page:
        page.sequences()
        page.picture(0)
        first = time.perf_counter() - start
        speed, dropped = page.play(range(1, count), RATE)
    with _viewing([url], options) as page:
        page.sequences()
        page.picture(0)
        start = time.perf_counter()
        page.picture(count * 3 // 4)
        jump = time.perf_counter() - start
    size = seqsave.open_sequence(url, storage_options=options).size
    if "with proxies" in way:
        report.claims += [
            Claim("with proxies: first picture, of the download", first / whole, 0.35, at_most=True),
            Claim("with proxies: the first pass, of the rate", speed, 0.99),
            Claim("with proxies: frames that came late in the first pass", dropped, 0, at_most=True, unit="frames"),
            Claim("with proxies: a jump, of the download", jump / whole, 0.1, at_most=True),
        ]
    # Frames of which a second's worth is more than the link carries cannot be played at their rate.
    link = min(1.0, BANDWIDTH / (size / count * RATE))
    if way == "JPEG, without":
        report.claims.append(Claim("JPEG without proxies: the first pass, of what the link carries", speed / link, 0.9))
    numbers = [whole, first, first / whole, speed]
    return [
        way,
        f"{size / MB:.0f}",
        *(f"{number:.2f}" for number in numbers),
        str(dropped),
        "" if "with proxies" in way else f"{speed / link:.2f}",
        f"{jump:.2f}",
        f"{jump / whole:.3f}",
    ]


def _download(url: str, options: dict[str, Any]) -> float:
    sequence = seqsave.open_sequence(url, storage_options=options)
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda frame: len(frame.read_bytes()), sequence):
            pass
    return time.perf_counter() - start


class _Page:
    """A client that asks as the page does."""

    def __init__(self, url: str, pid: int) -> None:
        self._url = url
        self.pid = pid

    def _get(self, path: str) -> bytes:
        with urlopen(self._url + path, timeout=300) as answer:
            return bytes(answer.read())

    def sequences(self) -> list[dict[str, Any]]:
        return list(json.loads(self._get("sequences.json"))["sequences"])

    def picture(self, index: int, size: str = "half") -> int:
        return len(self._get(f"0/f/{index}/{size}.jpg"))

    def events(self) -> Any:
        """Return the stream of events, as lines."""
        return urlopen(self._url + "events", timeout=300)

    def play(self, indices: Sequence[int], rate: float) -> tuple[float, int]:
        """Show each frame in its turn. Return the rate of the pass, of the wanted one, and how many frames came late.

        A frame is late if it is not there 1/rate seconds after the one before it was shown. It is waited for.
        """
        arrived = {index: threading.Event() for index in indices}

        def fetch(index: int) -> None:
            self.picture(index)
            arrived[index].set()

        late = 0
        with ThreadPoolExecutor(REQUESTS) as pool:
            work = [pool.submit(fetch, index) for index in indices]
            arrived[indices[0]].wait()
            begin = due = time.perf_counter()
            for index in indices:
                time.sleep(max(0.0, due - time.perf_counter()))
                if not arrived[index].is_set():
                    late += 1
                    arrived[index].wait()
                due = max(due, time.perf_counter() - 0.002) + 1 / rate
            took = time.perf_counter() - begin
            for one in work:
                one.result()
        return (len(indices) - 1) / rate / took, late

    def memory(self, what: str = "VmHWM") -> float:
        """Return the peak memory of the server, in MB."""
        (line,) = re.findall(rf"{what}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        return int(line) * 1024 / MB


@contextlib.contextmanager
def _viewing(urls: Sequence[str], options: dict[str, Any]) -> Iterator[_Page]:
    """Run `seqsave view`, and yield a client of it."""
    given = [part for name, value in options.items() for part in ("--storage-option", f"{name}={value}")]
    call = [sys.executable, "-m", "seqsave", "view", *urls, "--no-open", *given]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield _Page(process.stdout.readline().strip(), process.pid)
        finally:
            process.terminate()


# --- what the server holds -------------------------------------------------------------------------------------------


def _memory(plan: Plan, report: Report) -> None:
    if not Path("/proc/self/status").exists():
        return
    few, many = plan.pick(100, 2000), plan.pick(10_000, 100_000)
    rows = []
    with tempfile.TemporaryDirectory(prefix="seqsave-bench-") as folder:
        frames, listed = Path(folder, "frames"), Path(folder, "listed")
        _linked(frames, few)
        with _viewing([str(frames)], {}) as page:
            page.sequences()
            for index in range(0, few, 20):
                page.picture(index, "thumb")
            page.play(range(min(few, 10 * RATE)), 10_000)
            decoded = page.memory()
            rows.append([f"{few} frames of 1080p, 10 s of it played, without proxies", f"{decoded:.0f}"])
        _store(frames, few)
        with _viewing([str(frames)], {}) as page:
            page.sequences()
            page.play(range(few), 10_000)
            stored = page.memory()
            rows.append([f"{few} frames of 1080p, played as a whole from proxies", f"{stored:.0f}"])
        listed.mkdir()
        small = encode(bytes_1080p(1)[0][:16, :16])
        for index in range(many):
            _added(listed, index, small)
        with _viewing([str(listed)], {}) as page:
            (one,) = page.sequences()
            assert one["runs"] == [[[0, many - 1, 1]]]
            page.picture(many // 2)
            listing = page.memory()
            rows.append([f"a listing of {many} frames", f"{listing:.0f}"])
            grown = _followed(page, many, lambda index: _added(listed, index, small))
            rows.append(["the same while it grows and a page follows", f"{grown:.0f}"])
        recorded, more = _with_manifest(Path(folder, "recorded"), many, rows)
    report.tables.append(Table("Peak memory of the server", ["sequence", "MB"], rows))
    report.claims += [
        Claim(f"memory of the server, {few} frames", max(decoded, stored), 250, at_most=True, unit="MB"),
        Claim(f"memory of the server, a listing of {many}", listing, 200, at_most=True, unit="MB"),
        Claim("memory of the server, the same while it grows", grown, 200, at_most=True, unit="MB"),
        Claim(f"memory of the server, {many} frames with a manifest", recorded, 200, at_most=True, unit="MB"),
        Claim("memory of the server, the same while it grows", more, 200, at_most=True, unit="MB"),
    ]


def _with_manifest(folder: Path, many: int, rows: list[list[str]]) -> tuple[float, float]:
    """Add the rows of a sequence that its manifest records, and that a second run continues."""
    picture = bytes_1080p(1)[0][:16, :16]
    settings: dict[str, Any] = {"filetype": "png", "digits": 6}
    with seqsave.open_writer(folder, **settings) as writer:
        for _ in range(many):
            writer.write(picture)
    with _viewing([str(folder)], {}) as page:
        (one,) = page.sequences()
        assert one["finished"]
        page.picture(many // 2)
        listing = page.memory()
        rows.append([f"{many} frames with a manifest", f"{listing:.0f}"])
        with seqsave.open_writer(folder, **settings, start=many, total=GROWN) as writer:
            grown = _followed(page, many, lambda _: writer.write(picture).result())
        rows.append(["the same while another run continues it", f"{grown:.0f}"])
    return listing, grown


def _followed(page: _Page, count: int, add: Callable[[int], object]) -> float:
    """Add frames while a page follows, each once it has shown the one before; return the peak memory of the server."""
    with page.events() as events:
        for index in range(count, count + GROWN):
            add(index)
            while [one["runs"] for one in page.sequences()] != [[[[0, index, 1]]]]:
                next(line for line in events if line.startswith(b"event: sequences"))
    return page.memory()


def _added(folder: Path, index: int, data: bytes) -> None:
    (folder / f"frame_{index:06d}.png").write_bytes(data)


def _linked(folder: Path, count: int) -> None:
    """Make a sequence of many names for a few files."""
    frames = bytes_1080p(8)
    seqsave.save(frames, folder, filetype="png", manifest=False)
    for index in range(len(frames), count):
        Path(folder, f"frame_{index:05d}.png").hardlink_to(folder / f"frame_{index % len(frames):05d}.png")


def _store(folder: Path, count: int) -> None:
    """Store proxies of such a sequence, each made once."""
    sequence = seqsave.open_sequence(folder)
    made = [make(frame) for frame in bytes_1080p(8)]
    packs = folder / ".seqsave" / "frame.png.proxies"
    packs.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, 64):
        part = [frame for frame in sequence if first <= frame.index < first + 64]
        sources = [
            Source(index=one.index, batch=None, size=one.size, checksum=None, version=one.version) for one in part
        ]
        data = pack((source, made[source.index % 8]) for source in sources)
        (packs / f"{first}_{first + 63}.benchmark-{first}.pack").write_bytes(data)


# --- a page without a server -----------------------------------------------------------------------------------------


def _static_page(plan: Plan, report: Report) -> None:
    count = plan.pick(24, 132)
    with tempfile.TemporaryDirectory(prefix="seqsave-bench-") as folder:
        seqsave.save(bytes_1080p(count), folder, filetype="png", rate=RATE)
        size = seqsave.open_sequence(folder).size
        start = time.perf_counter()
        _, made = make_page(seqsave.open_sequence(folder))
        took = time.perf_counter() - start
    share = made.size / size
    row = [f"{count} frames of 1080p", f"{size / MB:.0f}", f"{made.size / MB:.2f}", f"{100 * share:.2f}", f"{took:.1f}"]
    report.tables.append(Table("`seqsave page`", ["sequence", "MB", "page MB", "%", "s"], [row]))
    report.claims.append(Claim("static page, of the bytes of the sequence", 100 * share, 2, at_most=True, unit="%"))
