"""Three ways to an S3 store: pyarrow.fs, s3fs and obstore, against moto, also when requests fail.

    pip install 'ctabatch[test]' s3fs
    python benchmarks/object_stores.py pyarrow      (or s3fs, or obstore; each in a new process)

Used for docs/decisions/0008.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

SMALL, LARGE, PIECE = 300, 64 << 20, 8 << 20
Way = tuple[Callable[[str, bytes], Any], Callable[..., bytes], Callable[[str], int]]


def way(name: str, url: str, bucket: str) -> Way:
    """Write an object; read all or a range of one; count those below a prefix."""
    if name == "pyarrow":
        from pyarrow import fs

        files = fs.S3FileSystem(endpoint_override=url)

        def put(key: str, content: bytes) -> None:
            with files.open_output_stream(f"{bucket}/{key}") as out:
                out.write(content)

        def get(key: str, begin: int | None = None, size: int = 0) -> bytes:
            if begin is None:
                with files.open_input_stream(f"{bucket}/{key}") as stream:
                    return bytes(stream.read())
            with files.open_input_file(f"{bucket}/{key}") as file:
                return bytes(file.read_at(size, begin))

        return put, get, lambda p: len(files.get_file_info(fs.FileSelector(f"{bucket}/{p}")))
    if name == "s3fs":
        import s3fs

        files = s3fs.S3FileSystem(
            endpoint_url=url, use_listings_cache=False, skip_instance_cache=True
        )

        def read(key: str, begin: int | None = None, size: int = 0) -> bytes:
            limits = {} if begin is None else {"start": begin, "end": begin + size}
            return bytes(files.cat_file(f"{bucket}/{key}", **limits))

        return (
            lambda key, content: files.pipe_file(f"{bucket}/{key}", content),
            read,
            lambda p: len(files.ls(f"{bucket}/{p}")),
        )
    import obstore
    from obstore.store import S3Store

    store = S3Store(bucket, endpoint=url, client_options={"allow_http": True})

    def fetch(key: str, begin: int | None = None, size: int = 0) -> bytes:
        if begin is None:
            return obstore.get(store, key).bytes().to_bytes()
        return obstore.get_range(store, key, start=begin, length=size).to_bytes()

    return (
        lambda key, content: obstore.put(store, key, content),
        fetch,
        lambda p: len(obstore.list_with_delimiter(store, p)["objects"]),
    )


def timed(what: str, work: Callable[[], Any]) -> None:
    """Print how long it takes, and what comes of it."""
    begin = time.perf_counter()
    try:
        found = work()
    except Exception as error:  # noqa: BLE001 - of three libraries
        found = f"{type(error).__name__}: {str(error)[:100]}"
    print(f"{what:32} {time.perf_counter() - begin:7.2f} s  {found if found is not None else ''}")


def main() -> None:
    """Measure one library."""
    name = sys.argv[1]
    begin = time.perf_counter()
    __import__({"pyarrow": "pyarrow.fs"}.get(name, name))
    print(f"{'import':32} {time.perf_counter() - begin:7.2f} s")
    from tests.faulty_proxy import Fault, FaultyProxy
    from tests.object_store import Server, variables

    server = Server()
    os.environ.update(variables(server.url))
    bucket = server.new_bucket().name
    put, get, count = way(name, server.url, bucket)
    content = os.urandom(LARGE)
    put("warm", b"x")
    timed("write 64 MiB", lambda: put("large", content) and None)
    timed("read 64 MiB", lambda: get("large") == content)
    timed("read it in pieces", lambda: b"".join(
        get("large", at, PIECE) for at in range(0, LARGE, PIECE)) == content)  # fmt: skip
    timed("write 300 small", lambda: [put(f"s/{k}", b"{}" * 500) for k in range(SMALL)] and None)
    timed("read them", lambda: sum(len(get(f"s/{k}")) for k in range(SMALL)))
    timed("list them", lambda: count("s/"))
    for what, fault, key in (
        ("two answers 503", Fault("error", 2, lambda m, _: m == "GET"), "warm"),
        ("two refused", Fault("refuse", 2, lambda m, _: m == "GET"), "warm"),
        ("a body that is cut", Fault("cut", 1, lambda m, _: m == "GET"), "large"),
        ("503 for ever", Fault("error", 10**9), "warm"),
    ):
        with FaultyProxy(server.port, [fault]) as proxy:
            _, get, _ = way(name, proxy.url, bucket)
            timed(what, lambda key=key, get=get: len(get(key)))
            print(" " * 32, dict(proxy.requests))
    server.stop()


if __name__ == "__main__":
    main()
