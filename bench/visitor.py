"""A visitor of the app without a browser: one Streamlit session over its websocket."""

import asyncio
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

STREAM = "/_stcore/stream"
HEALTH = "/_stcore/health"
XSRF_COOKIE = "_streamlit_xsrf"
MEDIA = re.compile(rb"/media/[\w.-]+")
# A page that has not been drawn by then is an error.
PATIENCE_S = 180.0


@dataclass
class Seen:
    """What one run of a page brought.

    Parameters
    ----------
    seconds : float
        From what the visitor did to the end of the run.
    errors : list of str
        Exceptions, and runs that did not end.
    elements : set of str
        Kinds of what was drawn, in Streamlit's words.
    media : set of str
        Addresses of pictures.
    content : bytes
        All messages, as they were sent.
    """

    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    elements: set[str] = field(default_factory=set)
    media: set[str] = field(default_factory=set)
    content: bytes = b""


class Visitor:
    """A session of the app; ``open`` it, look at pages, ``close`` it.

    Parameters
    ----------
    url : str
        Of the app, such as ``http://127.0.0.1:8501``.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._socket: ClientConnection | None = None
        self._cookie = ""
        self._session = ""
        self._page = ""
        self._pages: dict[str, str] = {}
        self._query = ""
        self._states: dict[str, WidgetState] = {}
        self._ids: dict[tuple[str, str], str] = {}

    async def open(self) -> None:
        """Connect, as a browser does that has loaded the page."""
        self._cookie = await asyncio.to_thread(self._fetch_cookie)
        host = urllib.parse.urlsplit(self.url).netloc
        self._socket = await connect(
            f"ws://{host}{STREAM}",
            subprotocols=["streamlit"],
            additional_headers={"Cookie": f"{XSRF_COOKIE}={self._cookie}"},
            max_size=None,
            open_timeout=PATIENCE_S,
            ping_timeout=PATIENCE_S,
        )

    async def close(self) -> None:
        """Leave, as a browser does whose tab is closed."""
        if self._socket is not None:
            await self._socket.close()

    async def look_at(
        self, page: str, query: Mapping[str, str | Sequence[str]] | None = None
    ) -> Seen:
        """Open a page by its address."""
        self._states.clear()
        self._query = urllib.parse.urlencode(query or {}, doseq=True)
        began = time.perf_counter()
        seen = Seen()
        # Only a page tells which pages there are.
        if page not in self._pages:
            seen = await self._run(began, page_name=page)
        if self._pages.get(page, self._page) != self._page or not seen.content:
            self._page = self._pages.get(page, "")
            seen = await self._run(began)
        return seen

    async def switch(self, label: str, on: bool) -> Seen:
        """Turn a switch with this label on or off."""
        began = time.perf_counter()
        self._state("checkbox", label).bool_value = on
        return await self._run(began)

    async def give(self, label: str, files: Mapping[str, bytes]) -> Seen:
        """Drop files where this label stands, in place of those given before."""
        began = time.perf_counter()
        state = self._state("file_uploader", label)
        places = await self._ask_where(list(files))
        state.file_uploader_state_value.ClearField("uploaded_file_info")
        for (name, content), place in zip(files.items(), places, strict=True):
            await asyncio.to_thread(self._put, place.upload_url, name, content)
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.name, info.size, info.file_id = name, len(content), place.file_id
            info.file_urls.CopyFrom(place)
        return await self._run(began)

    async def is_there(self, address: str) -> bool:
        """Whether a picture of the app can be loaded."""
        return await asyncio.to_thread(self._can_fetch, address)

    def _state(self, kind: str, label: str) -> WidgetState:
        key = self._ids[kind, label]
        return self._states.setdefault(key, WidgetState(id=key))

    async def _ask_where(self, names: Sequence[str]) -> Sequence[FileURLs]:
        message = BackMsg()
        message.file_urls_request.request_id = uuid.uuid4().hex
        message.file_urls_request.file_names.extend(names)
        message.file_urls_request.session_id = self._session
        await self._socket.send(message.SerializeToString())
        while True:
            said = await self._receive()
            if said.WhichOneof("type") == "file_urls_response":
                return said.file_urls_response.file_urls

    async def _run(self, began: float, page_name: str = "") -> Seen:
        """Ask for a run of the page, and take what it draws, to its end."""
        state = ClientState(
            query_string=self._query, page_script_hash=self._page, page_name=page_name
        )
        state.widget_states.widgets.extend(self._states.values())
        state.context_info.locale = "en"
        state.context_info.url = f"{self.url}/"
        message = BackMsg(rerun_script=state)
        seen, parts = Seen(), []
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._socket.send(message.SerializeToString())
                while not self._take(await self._receive(parts), seen):
                    pass
        except TimeoutError:
            seen.errors.append(f"not drawn after {PATIENCE_S:.0f} s")
        seen.seconds = time.perf_counter() - began
        seen.content = b"".join(parts)
        seen.media = {found.decode() for found in MEDIA.findall(seen.content)}
        return seen

    async def _receive(self, parts: list[bytes] | None = None) -> ForwardMsg:
        content = await self._socket.recv(decode=False)
        if parts is not None:
            parts.append(content)
        return ForwardMsg.FromString(content)

    def _take(self, message: ForwardMsg, seen: Seen) -> bool:
        """Note what a message brings; whether it ends the run."""
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._take_element(message.delta.new_element, seen)
        elif kind == "new_session":
            self._session = message.new_session.initialize.session_id or self._session
            self._page = message.new_session.page_script_hash or self._page
        elif kind == "navigation":
            self._pages = {
                page.url_pathname: page.page_script_hash
                for page in message.navigation.app_pages
            }
            self._page = message.navigation.page_script_hash or self._page
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "page_not_found":
            seen.errors.append("page not found")
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                seen.errors.append("the page cannot be compiled")
            # A run that begins again sends another end.
            return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return False

    def _take_element(self, element: Any, seen: Seen) -> None:
        kind = element.WhichOneof("type")
        seen.elements.add(kind)
        if kind == "exception":
            seen.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind in ("checkbox", "file_uploader"):
            widget = getattr(element, kind)
            self._ids[kind, widget.label] = widget.id

    def _fetch_cookie(self) -> str:
        with urllib.request.urlopen(self.url + HEALTH, timeout=PATIENCE_S) as answer:
            cookies = "; ".join(answer.headers.get_all("Set-Cookie") or ())
        found = re.search(rf"{XSRF_COOKIE}=([^;]+)", cookies)
        return found[1].strip('"') if found else ""

    def _put(self, address: str, name: str, content: bytes) -> None:
        mark = uuid.uuid4().hex
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        request = urllib.request.Request(
            urllib.parse.urljoin(self.url, address),
            data=b"".join((head.encode(), content, f"\r\n--{mark}--\r\n".encode())),
            headers={
                "Content-Type": f"multipart/form-data; boundary={mark}",
                "X-Xsrftoken": self._cookie,
                "Cookie": f"{XSRF_COOKIE}={self._cookie}",
            },
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            pass

    def _can_fetch(self, address: str) -> bool:
        place = urllib.parse.urljoin(self.url, address)
        with (
            suppress(urllib.error.HTTPError),
            urllib.request.urlopen(place, timeout=PATIENCE_S) as answer,
        ):
            return answer.status == 200
        return False
