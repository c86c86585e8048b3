"""An S3 server in this process, and what is in its buckets."""

from __future__ import annotations

import itertools
import logging
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

_numbers = itertools.count(1)


class Server:
    """moto on a free port of this machine; it ends with the process."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_bucket(self) -> Bucket:
        return Bucket(self.url, f"bucket-{next(_numbers)}")

    def stop(self) -> None:
        self._server.stop()


class Bucket:
    """A bucket seen from outside ctabatch."""

    def __init__(self, server: str, name: str) -> None:
        self.name, self.uri, self._server = name, f"s3://{name}", server
        self._ask("PUT", "").close()
        self._store = S3Store(
            name,
            config={
                "endpoint": server, "region": "us-east-1",
                "access_key_id": "name", "secret_access_key": "secret",
            },
            client_options={"allow_http": True},
        )  # fmt: skip

    def _ask(self, method: str, query: str):
        address = f"{self._server}/{self.name}{query}"
        return urllib.request.urlopen(urllib.request.Request(address, method=method))

    def keys(self, prefix: str = "") -> list[str]:
        metas = itertools.chain.from_iterable(obstore.list(self._store))
        return sorted(meta["path"] for meta in metas if meta["path"].startswith(prefix))

    def tables(self, prefix: str) -> list[str]:
        """Parquet files of parts."""
        found = (key for key in self.keys(prefix) if key.endswith(".parquet"))
        return [key for key in found if "/subarray/" not in key or "/dl2/" in key]

    def get(self, key: str) -> bytes:
        return bytes(obstore.get(self._store, key).bytes())

    def put(self, key: str, content: bytes) -> str:
        obstore.put(self._store, key, content)
        return f"{self.uri}/{key}"

    def remove(self, key: str) -> None:
        obstore.delete(self._store, key)

    def unfinished_uploads(self) -> int:
        with self._ask("GET", "?uploads") as answer:
            return answer.read().count(b"<UploadId>")

    def copy_of(self, prefix: str, folder: Path) -> Path:
        """The objects of a dataset as a folder, with the names that local files have."""
        for key in self.keys(f"{prefix}/"):
            head, at, _ = key.partition("@")
            path = folder / (f"{head}.parquet" if at else key)
            path.parent.mkdir(parents=True, exist_ok=True)
            assert not path.exists(), key
            path.write_bytes(self.get(key))
        return folder / prefix


@contextmanager
def settings(monkeypatch, url: str, **more: str):
    """The environment of a user of a server, without what is on this machine."""
    with monkeypatch.context() as patch:
        for name, value in variables(url, **more).items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        yield


def variables(url: str, **more: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "name", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", **more,
    }  # fmt: skip
