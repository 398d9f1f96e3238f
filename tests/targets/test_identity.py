"""Each place has one spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqsave import targets
from seqsave.targets.identity import canonical_identity


def test_one_place_has_one_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "renders").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "renders")
    (tmp_path / "above").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "renders"
    spellings: list[Any] = [folder, f"{folder}/", f"file://{folder}", "renders", "./renders", "~/renders", "link"]
    spellings += [tmp_path / "above" / "link", f"FILE://localhost{folder}", f"{tmp_path}/x/../renders"]
    identities = [targets.resolve(spelling).identity() for spelling in spellings]
    assert all(identity == identities[0] for identity in identities)


@pytest.mark.parametrize(
    "endpoint",
    ["https://objects.example", "https://Objects.Example/", "HTTPS://objects.example:443", "https://objects.example."],
)
def test_one_endpoint_has_one_identity(endpoint: str) -> None:
    options = {"key": "k", "secret": "s", "endpoint_url": endpoint}
    found = targets.resolve("s3://bucket/shot/", options).identity()
    assert found == {"storage": "s3", "root": "bucket/shot", "endpoint": "https://objects.example"}


def test_no_signature_or_password_is_in_an_identity() -> None:
    signed = "https://files.example/b/shot.png?X-Amz-Signature=PRIVATEsignature&X-Amz-Expires=60"
    assert "PRIVATE" not in str(targets.resolve(signed).identity())
    again = signed.replace("PRIVATEsignature", "PRIVATElater")
    assert targets.resolve(again).identity() == targets.resolve(signed).identity()
    before = {"storage": "http", "root": "https://name:PRIVATEword@files.example/b"}  # in an entry of an older version
    assert "PRIVATE" not in str(canonical_identity(before))
