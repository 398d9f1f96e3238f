"""Credentials for S3, as botocore finds them, and new ones within a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import seqsave
from seqsave import targets
from seqsave.errors import SaveError
from seqsave.targets.s3_session import parsed_time, source_of
from tests.support.peculiar_s3 import PeculiarS3
from tests.targets.stores import FRAMES, TEXT, options


class Source:
    """A source of credentials outside of the storage options: the environment, or a profile in a file."""

    def __init__(self, kind: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.kind = kind
        self._monkeypatch = monkeypatch
        self._file = folder / "credentials"
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(self._file))

    def put(self, key: str) -> None:
        if self.kind == "environment":
            self._monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
            self._monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretsecret")
            self._monkeypatch.setenv("AWS_SESSION_TOKEN", f"token-of-{key}")
        else:
            text = f"[default]\naws_access_key_id={key}\naws_secret_access_key=secretsecret\n"
            self._file.write_text(text, encoding="utf-8")


@pytest.fixture(params=["environment", "profile"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Source:
    return Source(request.param, monkeypatch, tmp_path)


@pytest.mark.parametrize("refusal", ["InvalidAccessKeyId", "ExpiredToken", "AccessDenied"])
def test_new_credentials_are_picked_up_within_a_run(client: str, source: Source, refusal: str) -> None:
    with PeculiarS3(accepted={"old"}, refusal=refusal) as server:
        source.put("old")
        opened = {"endpoint_url": server.endpoint_url, "client": client}
        with seqsave.open_writer("s3://b/x", storage_options=opened, filetype="png") as writer:
            writer.write(FRAMES[0]).result()
            server.accepted = {"new"}
            source.put("new")
            for frame in FRAMES[1:]:
                writer.write(frame).result()
        assert writer.result.counts["saved"] == len(FRAMES)
        assert seqsave.open_sequence("s3://b/x", storage_options=opened).manifest.complete  # type: ignore[union-attr]
        refused = len([status for _, _, status in server.requests if status == 403])
        # Later targets of this process begin with the new ones.
        seqsave.save(FRAMES, "s3://b/y", storage_options=opened, filetype="png")
        assert len([status for _, _, status in server.requests if status == 403]) == refused


def test_the_same_credentials_are_not_tried_twice(client: str, source: Source) -> None:
    with PeculiarS3(accepted=set()) as server:
        source.put("old")
        target = targets.resolve("s3://b/x", {"endpoint_url": server.endpoint_url, "client": client})
        with pytest.raises(seqsave.TargetError, match="does not know this access key"):
            target.publish("file", b"data", content_type=TEXT)
        # obstore leaves the last word to s3fs.
        assert server.statuses("PUT") == [403] * (2 if client == "obstore" else 1)


def test_credentials_of_the_options_stay(client: str, source: Source) -> None:
    """Credentials of the call are not replaced by those of the environment."""
    with PeculiarS3(accepted={"new"}) as server:
        source.put("new")
        target = targets.resolve("s3://b/x", options(server, client, key="named"))
        with pytest.raises(seqsave.TargetError, match="does not know this access key"):
            target.publish("file", b"data", content_type=TEXT)


PROFILES = """
[profile second-factor]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile base]
aws_access_key_id = x
aws_secret_access_key = secretsecret
[profile program]
credential_process = /there/is/no/such/program
[profile file]
role_arn = arn:aws:iam::123456789012:role/r
web_identity_token_file = /there/is/no/such/file
"""


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("second-factor", "needs a second factor"),
        ("absent", "the profile is not in the credentials file"),
        ("program", "the credentials are not accepted.*/there/is/no/such/program"),
        ("file", "the credentials are not accepted.*/there/is/no/such/file"),
    ],
)
def test_a_profile_that_cannot_be_used_is_one_error(
    client: str, profile: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: Any
) -> None:
    (tmp_path / "config").write_text(PROFILES, encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    # With nothing listening: neither the store nor the service of tokens is asked.
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    policy = seqsave.RetryPolicy(attempts=1)
    opened = {"profile": profile, "endpoint_url": "http://127.0.0.1:9", "client": client}
    with pytest.raises((SaveError, seqsave.TargetError), match=words) as caught:
        seqsave.save(FRAMES, "s3://b/x", storage_options=opened, filetype="png", retry=policy)
    assert "does not exist" not in str(caught.value)
    shown = capfd.readouterr()
    assert not shown.out
    assert not shown.err


def test_a_failed_profile_leaves_no_traceback_on_the_terminal(
    client: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a process of its own, where no test collects what is logged."""
    (tmp_path / "config").write_text(PROFILES, encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    seqsave.save(FRAMES[:1], tmp_path / "in", filetype="png")
    opened = ("profile=second-factor", "endpoint_url=http://127.0.0.1:9", f"client={client}")
    chosen = [word for option in opened for word in ("--storage-option", option)]
    done = subprocess.run(
        [sys.executable, "-m", "seqsave", "save", str(tmp_path / "in"), "s3://b/x", *chosen],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 1
    assert "needs a second factor" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Enter MFA code" not in done.stderr


def test_where_credentials_come_from_is_stated_without_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = Source("profile", monkeypatch, tmp_path)
    assert source_of({}) == "none"
    file.put("AKIAFILE")
    assert source_of({}) == "the file of credentials"
    assert source_of({"profile": "default"}) == "the file of credentials, profile default"
    assert source_of({"profile": "nobody"}) == "a source that failed (ProfileNotFound)"
    Source("environment", monkeypatch, tmp_path).put("AKIAENV")
    assert source_of({}) == "environment variables"
    assert source_of({"anon": True}) == "none, requests are anonymous"
    assert source_of({"key": "AKIAGIVEN", "secret": "s"}) == "storage options or a configured target"
    assert targets.resolve("s3://b/x").credentials() == "environment variables"


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-29T17:51:59.000Z",
        "2026-11-29T17:51:59.123456Z",
        "2026-11-29T17:51:59Z",
        "2026-11-29T17:51:59.1Z",
        "20261129T175159Z",
        "2026-11-29T17:51:59+01:00",
        "Sun, 29 Nov 2026 17:51:59 GMT",
        "1795974719.5",
        1795974719,
    ],
)
def test_times_in_answers_are_those_that_botocore_reads(value: Any) -> None:
    from botocore.utils import parse_timestamp

    assert parsed_time(value) == parse_timestamp(value)
