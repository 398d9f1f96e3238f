"""What is answered without botocore is what botocore answers, and the usual cases are answered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seqsave_obstore import plan, quick
from tests.support.needs import needs_obstore

if TYPE_CHECKING:
    from tests.support.s3 import S3Server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


ENDPOINTS = [
    "http://127.0.0.1:9000",
    "https://objects.example",
    "https://objects.example/",
    "https://objects.example/v1",
    "https://objects.example:443",
    "http://Objects.example:80",
    "https://s3.eu-west-1.amazonaws.com",
    "objects.example",
]
REGIONS = ["us-east-1", "us-west-2", "eu-central-1", "cn-north-1", "us-gov-west-1", "ap-southeast-5", "garage", "EU"]
BUCKETS = ["renders", "my-renders.example", "Renders", "a--b", "xn--x-s3alias", "render_s", "1.2.3.4", "abc-s3alias"]


def maybe(values: list[str]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(values)


KEYS = st.sampled_from(
    [
        {},
        {"aws_access_key_id": "K1", "aws_secret_access_key": "S1"},
        {"aws_access_key_id": "K2", "aws_secret_access_key": "S2", "aws_session_token": "T2"},
        {"aws_access_key_id": "K3"},
        {"aws_secret_access_key": "S3"},
        {"aws_session_token": "T4"},
    ]
)
SECTION = st.tuples(
    KEYS,
    st.fixed_dictionaries(
        {},
        optional={
            "region": st.sampled_from(REGIONS),
            "endpoint_url": st.sampled_from(ENDPOINTS),
            "output": st.just("json"),
            "s3": st.just("\n  addressing_style = virtual"),
            "role_arn": st.just("arn:aws:iam::123456789012:role/r"),
            "ca_bundle": st.just("/nowhere.pem"),
        },
    ),
).map(lambda pair: {**pair[0], **pair[1]})
SECTIONS = st.dictionaries(st.sampled_from(["default", "p", "q"]), SECTION, max_size=3)


@st.composite
def any_case(draw: st.DrawFn) -> dict[str, Any]:
    options: dict[str, Any] = {}
    keys = draw(KEYS)
    if draw(st.booleans()):
        names = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "aws_session_token": "token"}
        options |= {names[name]: value for name, value in keys.items()}
    elif keys:
        options["client_kwargs"] = dict(keys)
    for name, value in {"endpoint_url": draw(maybe(ENDPOINTS)), "profile": draw(maybe(["p", "q", "default"]))}.items():
        options |= {name: value} if value is not None else {}
    region = draw(maybe(REGIONS))
    if region is not None:
        options.setdefault("client_kwargs", {})["region_name"] = region
    if draw(st.integers(0, 4)) == 0:
        options["anon"] = True
    variables = {name.upper(): value for name, value in draw(KEYS).items()}
    for name, values in {
        "AWS_ENDPOINT_URL": ENDPOINTS,
        "AWS_ENDPOINT_URL_S3": ENDPOINTS,
        "AWS_DEFAULT_REGION": REGIONS,
        "AWS_REGION": REGIONS,
        "AWS_PROFILE": ["p", "q", "default"],
        "AWS_USE_FIPS_ENDPOINT": ["true"],
    }.items():
        value = draw(maybe(values)) if draw(st.booleans()) else None
        variables |= {name: value} if value is not None else {}
    return {
        "bucket": draw(st.sampled_from(BUCKETS)),
        "options": options,
        "variables": variables,
        "config": draw(SECTIONS),
        "keys": draw(SECTIONS),
    }


def written(sections: dict[str, dict[str, str]], *, head: str) -> str:
    lines = []
    for name, values in sections.items():
        lines.append(f"[{name if name == 'default' else head + name}]")
        lines += [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(lines)


@given(case=any_case())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_answer_is_that_of_botocore(case: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in case["variables"].items():
            patch.setenv(name, value)
        Path(os.environ["AWS_CONFIG_FILE"]).write_text(written(case["config"], head="profile "))
        Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(written(case["keys"], head=""))
        options = case["options"]
        client_kwargs = plan._client_kwargs(options)
        found = quick.answer(case["bucket"], options, client_kwargs)
        if found is None:
            return
        place, identity = plan._rehearsed(case["bucket"], options, {}, client_kwargs)
        assert (found.endpoint, found.virtual, found.region) == place
        if not options.get("anon"):
            theirs = identity()
            ours = plan.Identity(found.credentials)()
            names = ("access_key_id", "secret_access_key", "token")
            assert [ours[name] for name in names] == [theirs[name] for name in names]


USUAL = [
    ({"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9000"}, {}, "", ""),
    ({"key": "k", "secret": "s"}, {}, "", ""),
    ({"anon": True}, {"AWS_DEFAULT_REGION": "eu-west-1"}, "", ""),
    ({}, {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}, "", ""),
    ({}, {}, "", "[default]\naws_access_key_id = k\naws_secret_access_key = s\n"),
    ({"profile": "p"}, {}, "[profile p]\nregion = eu-west-1\n", "[p]\naws_access_key_id=k\naws_secret_access_key=s\n"),
    ({}, {"AWS_PROFILE": "p"}, "[profile p]\naws_access_key_id = k\naws_secret_access_key = s\n", ""),
]


@pytest.mark.parametrize(("options", "variables", "config", "keys"), USUAL)
def test_the_usual_cases_are_answered(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], variables: dict[str, str], config: str, keys: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(config)
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(keys)
    assert quick.answer("renders", options, plan._client_kwargs(options)) is not None


def test_the_certificates_are_those_of_botocore() -> None:
    from botocore.httpsession import get_cert_path

    assert quick.certificates() == Path(get_cert_path(True)).read_bytes()


PROGRAM = """
import sys
import seqsave

source, url = sys.argv[1:]
seqsave.save(seqsave.open_sequence(source), url)
assert seqsave.open_sequence(url).indices == (1, 2, 3)
seqsave.save(seqsave.open_sequence(url), source + "/back")
print([name for name in ("s3fs", "aiobotocore", "botocore", "fsspec", "numpy") if name in sys.modules])
"""


def test_a_copy_there_and_back_imports_no_other_client(s3_server: S3Server, tmp_path: Path) -> None:
    needs_obstore()
    for number in (1, 2, 3):
        (tmp_path / f"sim_{number}.vdb").write_bytes(bytes([number]) * 1000)
    options = s3_server.storage_options
    env = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": options["key"],
        "AWS_SECRET_ACCESS_KEY": options["secret"],
        "AWS_ENDPOINT_URL": options["endpoint_url"],
        "SEQSAVE_LOAD_PLUGINS": "seqsave-obstore",
    }
    command = [sys.executable, "-c", PROGRAM, f"{tmp_path}", s3_server.new_prefix()]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
    assert sorted(path.name for path in (tmp_path / "back").glob("*.vdb")) == ["sim_1.vdb", "sim_2.vdb", "sim_3.vdb"]
