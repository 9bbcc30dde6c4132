"""Writes that spare the API server: a status only if it changes, and objects only as far as they differ.

What is written, and why, is the caller's; Events are `kube.recorder`'s.
"""

from __future__ import annotations

from pylb.kube.client import JSON, Client
from pylb.kube.comparison import would_change
from pylb.kube.errors import AlreadyExists, Invalid, NotFound


async def patch_status(
    client: Client, path: str, current: JSON, wanted: JSON, *, uid: str | None = None, version: str | None = None
) -> JSON:
    """Makes the status of the object at `path` what `wanted`, a merge patch, says; the object, None if it is so already.

    `current` is the status as it was last seen. With `uid` a new object of the same name is left alone, with `version` one
    that was written since (Conflict).
    """
    if not would_change(current, wanted):
        return None
    named = {"uid": uid, "resourceVersion": version}
    meta = {name: value for name, value in named.items() if value is not None}
    return await client.patch(f"{path}/status", {"metadata": meta, "status": wanted} if meta else {"status": wanted})


async def put_object(client: Client, path: str, wanted: JSON) -> bool:
    """Makes the object at `path` as `wanted` (metadata, spec, status as merge patches); False if it is so already.

    It is created if it is not there. Where the API server refuses the change of a status (immutable fields) the object
    is deleted and made anew.
    """
    body = {name: part for name, part in wanted.items() if name != "status"}
    status = wanted.get("status")
    current, created = await get_or_create(client, path, body)
    wrote = created
    if not created and would_change(current, body):
        current, wrote = await client.patch(path, body), True
    if status is None or not would_change(current.get("status"), status):
        return wrote
    try:
        await client.patch(f"{path}/status", {"status": status})
    except Invalid:
        if created:
            raise
        await client.delete(path)
        await client.post(path.rpartition("/")[0], body)
        await client.patch(f"{path}/status", {"status": status})
    return True


async def get_or_create(client: Client, path: str, body: JSON) -> tuple[JSON, bool]:
    """The object at `path`, made from `body` if it is not there; (the object, whether it was created)."""
    try:
        return await client.get(path), False
    except NotFound:
        pass
    try:
        return await client.post(path.rpartition("/")[0], body), True
    except AlreadyExists:
        return await client.get(path), False
