"""Find endpoint, region, addressing and credentials as botocore does, in the usual cases, without importing it.

Importing botocore and rehearsing a request take longer than many copies. This module has the few rules that apply if
the options, the environment and the two files of profiles hold only keys, a region and an endpoint. All other cases are
left to the rehearsal. A test compares both.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CREDENTIALS", "Answer", "answer", "certificates"]

CREDENTIALS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

# Settings of a profile, and variables, that the rules below handle or that have no effect.
_PROFILE = {*CREDENTIALS, "region", "endpoint_url", "output", "cli_pager"}
_VARIABLES = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",  # which botocore does not read
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_EC2_METADATA_DISABLED",  # sources of credentials that are not read here
    "AWS_PAGER",
    "AWS_EXECUTION_ENV",
    "AWS_CA_BUNDLE",  # the plan decides about these
}

_ENDPOINT = re.compile(r"(https?://[a-z0-9.-]+(?::[1-9][0-9]{0,4})?)/?", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.]|-(?!-)){1,61}[a-z0-9]", re.ASCII)
_HOST = re.compile(r"[a-z0-9-]+", re.ASCII)
# Regions of AWS's largest partition. us-east-1 has another address.
_REGION = re.compile(r"(?!us-east-1$)(us|eu|ap|ca|sa|af|me)-(north|south|east|west|central|northeast|southeast)-[1-9]")
_ANY_REGION = re.compile(r"[a-z0-9-]{1,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """The address and the signature of requests for a bucket.

    endpoint:    in obstore's form. virtual: the bucket is part of the host's name. region: the region in signatures.
    credentials: key, secret and optionally a token, by the names in ``CREDENTIALS``; ``{}`` for unsigned requests.
    """

    endpoint: str
    virtual: bool
    region: str
    credentials: Mapping[str, str]


def answer(bucket: str, options: Mapping[str, Any], client_kwargs: Mapping[str, Any]) -> Answer | None:
    """Return the answer; None if botocore is needed, also for every error.

    client_kwargs: the arguments that s3fs passes to ``create_client``, with credentials.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    if not (set(variables) <= _VARIABLES and all(variables.values()) and _BUCKET.fullmatch(bucket)):
        return None
    if Path("~", ".aws", "models").expanduser().exists() or client_kwargs.get("use_ssl") is False:
        return None
    profile = _profile(options.get("profile"), variables)
    place = None if profile is None else _place(bucket, client_kwargs, variables, profile)
    if profile is None or place is None:
        return None
    if options.get("anon"):
        return Answer(*place, {})
    credentials = _credentials(client_kwargs, variables if not options.get("profile") else {}, profile)
    return None if credentials is None else Answer(*place, credentials)


def certificates() -> bytes:
    """Return the certificates that botocore trusts: those of certifi if it is installed, else its own."""
    try:
        from certifi import where
    except ImportError:
        import botocore

        return Path(botocore.__file__).with_name("cacert.pem").read_bytes()
    return Path(where()).read_bytes()


# --- the address
# --------------------------------------------------------------------------------------------------------


def _place(
    bucket: str, client_kwargs: Mapping[str, Any], variables: Mapping[str, str], profile: Mapping[str, str]
) -> tuple[str, bool, str] | None:
    """Return endpoint, addressing and region."""
    endpoint = _first(
        client_kwargs.get("endpoint_url"),
        variables.get("AWS_ENDPOINT_URL_S3"),
        variables.get("AWS_ENDPOINT_URL"),
        profile.get("endpoint_url"),
    )
    region = _first(client_kwargs.get("region_name"), variables.get("AWS_DEFAULT_REGION"), profile.get("region"))
    if endpoint is not None:
        found = _ENDPOINT.fullmatch(endpoint)
        if found is None or found[1].endswith("amazonaws.com") or not _ANY_REGION.fullmatch(region or "us-east-1"):
            return None
        return found[1], False, region or "us-east-1"
    if not _HOST.fullmatch(bucket) or (region is not None and not _REGION.fullmatch(region)):
        return None
    between = f".{region}" if region is not None else ""
    return f"https://{bucket}.s3{between}.amazonaws.com", True, region or "us-east-1"


def _first(*values: Any) -> str | None:
    return next((value for value in values if value is not None), None)


# --- the credentials
# ---------------------------------------------------------------------------------------------------------


def _credentials(
    client_kwargs: Mapping[str, Any], variables: Mapping[str, str], profile: Mapping[str, str]
) -> Mapping[str, str] | None:
    """Return the first complete credentials. For incomplete ones, botocore raises the error."""
    given = {name: client_kwargs[name] for name in CREDENTIALS if client_kwargs.get(name) is not None}
    named = {name: variables[name.upper()] for name in CREDENTIALS if name.upper() in variables}
    stated = {name: profile[name] for name in CREDENTIALS if name in profile}
    for found in (given, named, stated):
        if found:
            return found if {*CREDENTIALS[:2]} <= set(found) and all(found.values()) else None
    return None


def _profile(given: str | None, variables: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the profile's settings from both files; None if botocore is needed to understand them."""
    asked = given or variables.get("AWS_PROFILE")
    name = asked or "default"
    try:
        config = _sections(variables.get("AWS_CONFIG_FILE") or "~/.aws/config")
        keys = _sections(variables.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    except (OSError, ValueError, configparser.Error):
        return None
    section = "default" if name == "default" else f"profile {name}"
    if name == "default" and "profile default" in config:
        return None
    own, secret = config.get(section, {}), keys.get(name, {})
    if not re.fullmatch(r"[\w.@-]+", name) or (asked and section not in config and name not in keys):
        return None
    if "aws_access_key_id" in secret:  # then a token in the other file belongs to another key
        own = {key: value for key, value in own.items() if key not in CREDENTIALS}
    elif set(CREDENTIALS) & set(secret):
        return None
    stated = {**own, **secret}
    is_simple = set(stated) <= _PROFILE and not any("\n" in value or not value for value in stated.values())
    return stated if is_simple else None


def _sections(path: str) -> Mapping[str, Mapping[str, str]]:
    file = Path(os.path.expandvars(path)).expanduser()
    if not file.exists():
        return {}
    parser = configparser.RawConfigParser()
    parser.read_string(file.read_text())
    return {section: dict(parser.items(section)) for section in parser.sections()}
