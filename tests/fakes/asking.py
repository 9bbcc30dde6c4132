"""A client of a faulty API server, and an answer that tells what was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fakes.faulty_api import Exchange, FaultyApi
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials

PATH = "/api/v1/nodes"


@asynccontextmanager
async def connected(api: FaultyApi, **more: Any) -> AsyncIterator[Client]:
    """A client with these credentials."""
    async with Client(replace(Credentials(api.url, "test"), **more)) as client:
        yield client


async def echo(exchange: Exchange) -> None:
    """Tells what was asked."""
    seen = exchange.request
    await exchange.json(
        {"method": seen.method, "query": seen.query, "headers": seen.headers, "body": seen.body.decode()}
    )
