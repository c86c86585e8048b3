"""Settings of object stores, from where the tools of these stores have them: never our own files.

S3: the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``AWS_REGION`` and so on), else
the profile ``AWS_PROFILE`` (or ``default``) of ``~/.aws/credentials`` and ``~/.aws/config``, else
the role of the machine or container. Google: ``GOOGLE_APPLICATION_CREDENTIALS`` or
``GOOGLE_SERVICE_ACCOUNT``, else the account of the machine.

`obstore` and polars read the environment themselves and by the same rules; what comes from
profiles, and that an endpoint is plain http, is given to both by the names that they share.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from ctabatch.errors import OptionError

#: Names in a profile -> names of the settings.
_CREDENTIALS = {
    "aws_access_key_id": "aws_access_key_id",
    "aws_secret_access_key": "aws_secret_access_key",
    "aws_session_token": "aws_session_token",
}
#: Ways to credentials that need programs or sign-in: the tools of AWS turn them into variables.
_INDIRECT = ("role_arn", "sso_session", "sso_start_url", "credential_process", "login_session")
#: Attempts for one request, unless AWS_MAX_ATTEMPTS says otherwise; seconds that one may take.
ATTEMPTS, TIMEOUT, CONNECT_TIMEOUT = 10, "60s", "5s"
#: Seconds after which no attempt is begun.
PATIENCE = 150


def store_settings(scheme: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Settings of a kind of store besides those that the environment gives by itself.

    Parameters
    ----------
    scheme : {"s3", "gs"}
    environ : mapping, optional
        The environment of the process by default.

    Raises
    ------
    OptionError
        The profile does not exist, or its credentials are not in it.
    """
    env = os.environ if environ is None else environ
    prefix = {"s3": "aws", "gs": "google"}[scheme]
    settings = {
        "timeout": env.get(f"{prefix.upper()}_TIMEOUT", TIMEOUT),
        "connect_timeout": env.get(f"{prefix.upper()}_CONNECT_TIMEOUT", CONNECT_TIMEOUT),
    }
    if scheme == "gs":
        return settings
    profile = _profile(env)
    if "AWS_ACCESS_KEY_ID" not in env:
        settings |= _credentials(profile, env)
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or profile.get("region")
    settings["aws_region"] = region or "us-east-1"
    endpoint = (
        env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url")
    )
    if endpoint:
        settings["aws_endpoint_url"] = endpoint
        if endpoint.startswith("http://"):  # whoever writes this wants no encryption
            settings["allow_http"] = "true"
    return settings


def attempts(environ: Mapping[str, str] | None = None) -> int:
    """How often a request is tried.

    Raises
    ------
    OptionError
        ``AWS_MAX_ATTEMPTS`` is no number.
    """
    text = (os.environ if environ is None else environ).get("AWS_MAX_ATTEMPTS", str(ATTEMPTS))
    try:
        return max(1, int(text))
    except ValueError:
        raise OptionError(f"AWS_MAX_ATTEMPTS={text!r}: not a number") from None


def _credentials(profile: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    found = {ours: profile[name] for name, ours in _CREDENTIALS.items() if name in profile}
    if not found and (ways := [name for name in _INDIRECT if name in profile]):
        name = env.get("AWS_PROFILE", "default")
        raise OptionError(
            f"AWS profile {name!r} gets its credentials by {ways[0]}, which is not done here; run "
            f'eval "$(aws configure export-credentials --profile {name} --format env)" first'
        )
    return found


def _profile(env: Mapping[str, str]) -> dict[str, str]:
    """Entries of the profile in both shared files; none if there are no files."""
    home = Path(env.get("HOME", "~")).expanduser()
    name = env.get("AWS_PROFILE", "default")
    files = {
        env.get("AWS_CONFIG_FILE") or str(home / ".aws" / "config"): ("profile " + name, name),
        env.get("AWS_SHARED_CREDENTIALS_FILE") or str(home / ".aws" / "credentials"): (name,),
    }
    found: dict[str, str] = {}
    known = False
    for file, sections in files.items():
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(Path(file).expanduser(), encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise OptionError(f"{file}: not readable: {error}") from error
        for section in sections:
            if parser.has_section(section):
                known = True
                found |= dict(parser.items(section))
                break
    if not known and "AWS_PROFILE" in env:
        raise OptionError(f"AWS_PROFILE={name}: no such profile in {' or '.join(files)}")
    return found


__all__ = ["ATTEMPTS", "PATIENCE", "attempts", "store_settings"]
