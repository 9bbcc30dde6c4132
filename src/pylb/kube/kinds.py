"""Which kinds an API server takes objects of, by its discovery document; everybody who is known to it may read that."""

from __future__ import annotations

from pylb.kube.client import Client
from pylb.kube.errors import NotFound, ServerError


async def creatable(client: Client, group_version: str) -> frozenset[str]:
    """The resources, by their plural names, of which objects can be made. Raises ClusterError.

    A kind whose definition is being deleted is none of them: the API server says so before it deletes the objects.
    """
    try:
        raw = await client.get(f"/apis/{group_version}")
    except NotFound:
        return frozenset()
    try:
        return frozenset(str(row["name"]) for row in raw["resources"] if "create" in row["verbs"])
    except (KeyError, TypeError) as error:
        raise ServerError("the answer is no list of resources", reason="NotJSON") from error
