"""Zarr stores at addresses, read through fsspec."""

import hashlib
import json
import math
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import zarr
from zarr.abc.store import Store
from zarr.storage import FsspecStore

from fieldsharp.core.errors import DataError
from fieldsharp.fields.files.addresses import Address, to_fetch
from fieldsharp.fields.files.contents import Contents
from fieldsharp.fields.files.zarr_groups import zarr_contents
from fieldsharp.fields.files.zarr_stores import METADATA

CHUNKS_AT_A_TIME = 64
"""That are fetched at once for their hash."""


def open_zarr_at(address: Address) -> Contents:
    """Open the Zarr store at an address.

    Its consolidated metadata are taken where it has some: not every server lists what it holds.

    Raises:
        DataError: If there is none, or a package is missing.
    """
    require_store(address)
    try:
        contents = zarr_contents(_store(address), take_consolidated=True)
    except DataError:
        raise
    except Exception as error:  # many servers refuse to list what they hold
        raise _not_listed(address, f" ({type(error).__name__}: {_reason(error)})") from error
    if not any(contents.ranks.values()):
        contents.close()
        raise _not_listed(address)
    return contents


def require_store(address: Address) -> None:
    """Check that there is a Zarr store at an address.

    Raises:
        DataError: If there is none, or a package is missing.
    """
    if not is_store(address):
        raise DataError(
            f"there is no Zarr store at {address} (no zarr.json, .zgroup or .zmetadata), and of "
            "other formats files of this machine are read; check the address, or fetch it with "
            f"{to_fetch(address.url, address.name)} and give data.path={address.name}"
        )


def is_store(address: Address) -> bool:
    """Return whether there is a Zarr store at an address.

    Raises:
        DataError: If a package is missing, or the address cannot be reached.
    """
    system, path = address.opened()
    try:
        return any(system.isfile(f"{path.rstrip('/')}/{name}") for name in METADATA)
    except Exception as error:
        raise _unreachable(address, error) from error


def store_sha256(address: Address) -> str:
    """Return the SHA-256 of a store's metadata and of all chunks that its arrays may have.

    Chunks are asked for by name, since not every server lists what it holds; of one that was never
    written, that there is none counts.

    Raises:
        DataError: If it cannot be read.
    """
    require_store(address)
    system, path = address.opened()
    digest = hashlib.sha256()
    try:
        group: Any = zarr.open(store=_store(address), mode="r")
        members = group.members(max_depth=None) if isinstance(group, zarr.Group) else ()
        arrays = sorted((name, m) for name, m in members if isinstance(m, zarr.Array))
        for name, array in arrays or [("", group)]:
            metadata = json.dumps(array.metadata.to_dict(), sort_keys=True, default=str)
            digest.update(f"{name}\0{metadata}\0".encode())
            chunk_keys = _chunk_keys(array)
            while keys := list(islice(chunk_keys, CHUNKS_AT_A_TIME)):
                at = [f"{path.rstrip('/')}/{name}/{key}" for key in keys]
                found = system.cat(at, on_error="return")
                for place, key in zip(at, keys, strict=True):
                    content = found[place]
                    if isinstance(content, FileNotFoundError):
                        continue
                    if isinstance(content, Exception):
                        raise content
                    digest.update(f"{key}\0{len(content)}\0".encode())
                    digest.update(content)
    except Exception as error:
        raise _unreachable(address, error) from error
    return digest.hexdigest()


def _chunk_keys(array: "zarr.Array[Any]") -> Iterator[str]:
    """Yield the key of each object that a store keeps for an array: a chunk, or a shard of some."""
    size = array.shards or array.chunks
    counts = [math.ceil(n / c) for n, c in zip(array.shape, size, strict=True)]
    for place in product(*map(range, counts)):
        yield array.metadata.encode_chunk_key(place)


def _store(address: Address) -> Store:
    system, path = address.opened(asynchronous=True)
    # A cache says of itself what the file system behind it is.
    if not system.async_impl or not system.asynchronous or "::" in address.url:
        from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

        system = AsyncFileSystemWrapper(system, asynchronous=True)
    return FsspecStore(system, read_only=True, path=path.rstrip("/"))


def _not_listed(address: Address, reason: str = "") -> DataError:
    return DataError(
        f"no array is found in the Zarr store at {address}{reason}: it is empty, or its server "
        "lists nothing and the store has no consolidated metadata; where it was written, add them "
        "with python -c 'import sys, zarr; zarr.consolidate_metadata(sys.argv[1])' and its path"
    )


def _unreachable(address: Address, error: Exception) -> DataError:
    return DataError(
        f"data.path {address} cannot be read ({type(error).__name__}: {_reason(error)}); check the "
        "address and the rights to read it"
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or "no reason given"
