"""Which requests a server on this machine alone answers: those sent to its own name.

A page of another site can give its own name the address 127.0.0.1 (DNS rebinding). The
visitor's browser then takes this app for a part of that site, and lets the site read
it. Such a request carries the name of the other site as its Host, and is refused here.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK = "127.0.0.1"
TRAINING_VARIABLE = "EQUIPOISE_TRAINING"
REFUSAL = (
    b"This app answers on its own machine only, under localhost, 127.0.0.1 or [::1].\n"
)


def is_own_machine(host: str | None) -> bool:
    """Whether only the machine itself can reach a server that listens on ``host``.

    Parameters
    ----------
    host : str or None
        A name or an IP address without brackets; None is every interface.
    """
    if not host:
        return False
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_train(host: str | None) -> bool:
    """Whether visitors may train, search and upload images: they spend the machine.

    On a server that this machine alone can reach unless ``EQUIPOISE_TRAINING=off``, as
    a proxy before it may let others in; on another only with ``EQUIPOISE_TRAINING=on``.

    Parameters
    ----------
    host : str or None
        Where the server listens, as for ``is_own_machine``.
    """
    said = os.environ.get(TRAINING_VARIABLE, "").strip().lower()
    return said == "on" or (said != "off" and is_own_machine(host))


def is_own_host_header(header: str) -> bool:
    """Whether a Host header names the machine itself, with or without a port."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return False
    if parts.netloc != header or "@" in header:
        return False
    return is_own_machine(parts.hostname)


class HostCheck:
    """ASGI middleware that refuses what is not sent to the machine's own name.

    Parameters
    ----------
    app : callable
        The ASGI application behind it.
    address : str or None
        Where the server listens. If other machines can reach it, every request passes:
        the names that they use for it are not known here.

    Notes
    -----
    Pages, uploads, media, health and the websocket alike: a request passes with exactly
    one Host header, which names the machine itself. All others are answered with 403.
    """

    def __init__(self, app: App, *, address: str | None) -> None:
        self.app = app
        self.is_checking = is_own_machine(address)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on what may pass; answer all else with 403."""
        kind = scope["type"]
        if kind not in ("http", "websocket") or self._may_pass(scope):
            await self.app(scope, receive, send)
        elif kind == "websocket":
            # Before it is accepted, closing it answers the handshake with 403.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            start = {"type": "http.response.start", "status": 403, "headers": headers}
            await send(start)
            await send({"type": "http.response.body", "body": REFUSAL})

    def _may_pass(self, scope: Message) -> bool:
        if not self.is_checking:
            return True
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        return len(hosts) == 1 and is_own_host_header(hosts[0].decode("latin-1"))
