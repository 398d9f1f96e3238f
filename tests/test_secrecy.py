"""No secret shows anywhere that seqsave writes or says: errors, repr, events, results, warnings, manifest, spool."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqsave
from seqsave import targets
from seqsave.targets.doctor import examine
from seqsave.targets.redact import chain_of
from tests.cli.runner import seqsave as run
from tests.support.needs import needs_obstore
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

PICTURE = np.zeros((3, 4, 3), np.uint8)
ONCE = seqsave.RetryPolicy(attempts=1)

# As keys, tokens and passwords look; long enough not to be a part of anything else that is printed.
secrets_of_all_kinds = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9/+=_%~-]{14,40}[A-Za-z0-9]", fullmatch=True)
FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def spellings(secret: str) -> set[str]:
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), quote(secret, safe="")}


def reported_by(error: BaseException) -> str:
    parts = ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    for link in chain_of(error):
        parts += [str(link), repr(link), repr(link.args), *getattr(link, "__notes__", ())]
    return "\n".join(parts)


@contextmanager
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Collect all warnings and log records of the block, seqsave's own included."""
    reported: list[str] = []
    caplog.clear()
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG, logger="seqsave"):
        warnings.simplefilter("always")
        yield reported
    reported += [str(one.message) for one in caught]
    reported += [record.getMessage() for record in caplog.records if record.name.startswith("seqsave")]


def save(reported: list[str], url: Any, **more: Any) -> seqsave.SaveResult | None:
    """Save, and collect every text about it."""
    writer = None
    try:
        with seqsave.open_writer(url, on_event=lambda event: reported.append(repr(event)), **more) as writer:
            reported.append(repr(writer) + writer.url)
            for _ in range(2):
                writer.write(PICTURE)
    except seqsave.SeqSaveError as error:
        reported.append(reported_by(error))
    if writer is None:
        return None
    reported.append(repr(writer) + repr(writer.result) + str(writer.result.counts))
    reported += [reported_by(one.exception) for one in writer.result.failures if one.exception is not None]
    return writer.result


def files_below(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        yield path.name
        if path.is_file():
            yield path.read_bytes().decode("latin-1")


def check(reported: list[str], *secrets: str) -> None:
    everything = "\n".join(reported)
    for secret in secrets:
        for spelling in spellings(secret):
            assert spelling not in everything


@pytest.fixture(scope="module")
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@settings(FEW, max_examples=12)  # each makes a client of its own
@given(secret=secrets_of_all_kinds, token=secrets_of_all_kinds, client=st.sampled_from(["s3fs", "obstore"]))
def test_a_store_that_cannot_be_reached(
    tmp_path: Path, closed_port: int, caplog: pytest.LogCaptureFixture, secret: str, token: str, client: str
) -> None:
    if client == "obstore":
        needs_obstore()
    options = {
        "key": "AKIAEXAMPLE",
        "secret": secret,
        "token": token,
        "endpoint_url": f"http://127.0.0.1:{closed_port}",
        "client": client,
    }
    with listening(caplog) as reported:
        save(reported, "s3://bucket/x", storage_options=options, retry=ONCE, spool=tmp_path / "spool")
        save(reported, "s3://bucket/x", storage_options=options, retry=ONCE)
        target = targets.resolve("s3://bucket/x", options)
        reported += [repr(target), target.url, repr(examine(target)), repr(target.identity())]
    check([*reported, *files_below(tmp_path)], secret, token)


@FEW
@given(
    user=secrets_of_all_kinds, password=secrets_of_all_kinds, way=st.sampled_from(["url", "option", "name", "chain"])
)
def test_passwords_however_they_are_given(
    tmp_path: Path,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    user: str,
    password: str,
    way: str,
) -> None:
    user, word = quote(user, safe=""), quote(password, safe="")
    url, options = f"ftp://127.0.0.1:{closed_port}/x", {"username": "me", "password": password}
    if way == "url":
        url, options = f"ftp://me:{word}@127.0.0.1:{closed_port}/x", {}
    elif way == "chain":
        url, options = f"simplecache::s3://{user}:{word}@bucket/x", {}
    elif way == "name":
        config = tmp_path / "config.toml"
        config.write_text(
            f"[targets.mine]\nurl = {json.dumps(url)}\nstorage_options = {{ password = {json.dumps(password)} }}\n"
        )
        monkeypatch.setenv("SEQSAVE_CONFIG", str(config))
        url, options = "mine://y", {}
    with listening(caplog) as reported:
        save(reported, url, storage_options=options, retry=ONCE, spool=tmp_path / "spool")
        try:
            target = targets.resolve(url, options)
            reported += [repr(target), repr(target.identity()), repr(examine(target))]
            target.list()
        except seqsave.SeqSaveError as error:
            reported.append(reported_by(error))
    spool = tmp_path / "spool"
    check([*reported, *(files_below(spool) if spool.exists() else ())], password, *([user] if way == "chain" else ()))


def test_what_lies_in_a_bucket_and_a_spool(
    tmp_path: Path, s3_server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    url = s3_server.new_prefix()
    with Proxy(s3_server.endpoint_url) as proxy:
        options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        with listening(caplog) as reported:
            result = save(reported, url, storage_options=options)
            assert result is not None
            assert result.counts["saved"] == 2
            sequence = seqsave.open_sequence(url, storage_options=options)
            reported += [repr(sequence), repr(list(sequence)), repr(sequence.manifest)]
            proxy.answer(503, "SlowDown")
            save(reported, url, storage_options=options, start=10, retry=ONCE, spool=tmp_path / "spool")
    stored = [s3_server.read(f"{url}/{key}").decode("latin-1") for key in s3_server.keys(url)]
    assert any(key.endswith(".json") for key in s3_server.keys(url))
    assert any(path.is_file() for path in (tmp_path / "spool").rglob("*"))
    check([*reported, *stored, *files_below(tmp_path)], s3_server.secret, s3_server.key)


@pytest.mark.parametrize("client", ["s3fs", "obstore"])
def test_a_store_that_repeats_what_it_refuses(
    s3_server: S3Server, caplog: pytest.LogCaptureFixture, client: str
) -> None:
    if client == "obstore":
        needs_obstore()
    options = {**s3_server.storage_options, "secret": "hush-hush-hush-hush-hush", "client": client}
    with listening(caplog) as reported:
        save(reported, s3_server.new_prefix(), storage_options=options, retry=ONCE)
    assert any("signature" in one for one in reported)
    check(reported, "hush-hush-hush-hush-hush")


def test_a_pickle_is_the_one_place_that_holds_them() -> None:
    """A target travels to other processes whole; the documentation of ``Target`` says so."""
    options = {"key": "k", "secret": "hush-hush-hush", "endpoint_url": "http://127.0.0.1:9", "client": "s3fs"}
    target = targets.resolve("s3://bucket/x", options)
    assert b"hush-hush-hush" in pickle.dumps(target)
    assert "with their secrets" in str(targets.Target.__doc__)


@pytest.mark.parametrize("command", ["save", "verify", "ls", "workflow"])
@pytest.mark.parametrize("name", ["frame.png", "frames.npy", "clip.mp4"])
def test_a_presigned_url_is_shown_without_its_signature(command: str, name: str, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: each connection is refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/b/{name}?X-Amz-Signature=Sx7signature77"
        done = run(command, url, *([tmp_path / "out"] if command == "save" else []), status=None)
    assert done.status != 0
    assert "Sx7signature77" not in done.out + done.err
    assert "127.0.0.1" in done.err


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://me:{}@127.0.0.1/take.zip", "s3://KEY:{}@bucket/frame_00001.png", "s3://KEY:{}@bucket/x_##_%04d.png"),
        *("https://127.0.0.1/x_##_##.png?sig={}", "https://127.0.0.1/x_####.png?sig={}"),
    ],
)
@pytest.mark.parametrize("opened", [seqsave.open_writer, seqsave.open_run, seqsave.open_frame])
def test_urls_that_are_refused_for_their_names(url: str, opened: Any) -> None:
    settings = {} if opened is seqsave.open_frame else {"digits": 3}
    reported: list[str] = []
    whole = url.format("hush-hush-hush")
    try:
        made = opened(whole, **settings)
    except seqsave.SeqSaveError as error:
        reported.append(reported_by(error))
    else:
        reported.append(repr(made))
    check(reported, "hush-hush-hush")
