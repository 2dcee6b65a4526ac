"""A store of runs behind a URL, such as ``s3://bucket/runs``, and its local mirror.

The program reads and writes a folder, as ever. This module brings finished runs from
the remote store into that folder and back, through fsspec. Its ``run.json`` makes a run
a whole one: it is written last and removed first, so that nobody reads half a run.
"""

import json
import os
import shutil
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import RunError
from core.language import gettext
from core.locks import take_lock

RECORD = "run.json"
WRITER_VARIABLE = "EQUIPOISE_WRITER"
"""Names who writes; the tasks of one call on a cluster share a name."""
MAX_AGE_S = 10.0
"""How old a listing may be before the store is asked again."""
PATIENCE = 6
"""How many times longer a store is left alone that did not answer."""
CLAIM_S = 600.0
"""After so long, a claim belongs to a process that was killed."""
OLD = ".old"
"""Ends the name of a folder that is being replaced."""
GONE = ".gone"
"""Ends the name of a folder that is being deleted."""
_INDEX, _LOCK = ".mirror.json", ".mirror.lock"
_LOOK_AGAIN_S = 0.1
# Stores without folders: making one would make the bucket.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci"})
# Packages that fsspec needs for a kind of store.
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
_PACKAGES |= dict.fromkeys(("abfs", "abfss", "az"), "adlfs")
Versions = dict[str, str]


def is_url(location: str) -> bool:
    """Whether a place is named by a URL, and not by a path."""
    return "://" in location


def mirror(url: str, cache: Path) -> Path:
    """The local folder of a remote store, with the finished runs that are there now.

    Parameters
    ----------
    url : str
    cache : Path
        Where mirrors are kept, a folder for each store.

    Raises
    ------
    RunError
        If the store cannot be read at the first time. Later failures are among the
        ``problems``, and the runs stay as they were.
    """
    url = url.rstrip("/")
    folder = cache / sha256(url.encode()).hexdigest()[:16]
    with _OPENING:
        remote = _OPEN.get(folder)
        if remote is None:
            remote = _OPEN[folder] = _connect(url, folder)
    remote.refresh()
    return folder


def url_of(store: Path) -> str | None:
    """The URL of the store that a folder mirrors; None if it mirrors none."""
    remote = _OPEN.get(store)
    return None if remote is None else remote.url


def shown_place(place: Path) -> str:
    """Where a run is, for a reader: by the URL of its store, or by its path."""
    found = _remote_of(place)
    return str(place) if found is None else f"{found[0].url}/{found[1]}"


def problems() -> tuple[str, ...]:
    """Sentences about the stores that could not be asked again."""
    return tuple(each.problem for each in _OPEN.values() if each.problem)


def refresh(store: Path) -> None:
    """Bring new runs into a mirror at once; nothing for another folder.

    Raises
    ------
    RunError
        If the store cannot be read.
    """
    if (remote := _OPEN.get(store)) is not None:
        remote.refresh(at_once=True)


def expect(place: Path) -> None:
    """Note which run is at a place now: a later one is another machine's."""
    if (found := _remote_of(place)) is not None:
        remote, name = found
        remote.expected[name] = _read_index(remote.folder).get(name, {}).get(RECORD)


def send_run(written: Path, place: Path) -> None:
    """Bring a finished run up, before the folder ``written`` is moved to ``place``.

    Raises
    ------
    RunError
        If it cannot be, or if another machine has finished this run, or brings it up.
        No half run can be seen then.
    """
    if (found := _remote_of(place)) is not None:
        found[0].send_run(written, found[1])


def send_study(written: Path, place: Path) -> None:
    """Bring a study up with its runs, before its folder is moved to ``place``.

    Raises
    ------
    RunError
        If it cannot be.
    """
    runs = [run.relative_to(written) for run in written.glob("*/seed-*")]
    for run in sorted(runs):
        send_run(written / run, place / run)
    for file in sorted(path for path in written.iterdir() if path.is_file()):
        send_file(file, place / file.name)
    for earlier in place.glob("*/seed-*"):
        if earlier.relative_to(place) not in runs:
            remove(earlier)


def send_file(written: Path, place: Path) -> None:
    """Bring one file up, before ``written`` is moved to ``place``.

    Raises
    ------
    RunError
        If it cannot be.
    """
    if (found := _remote_of(place)) is not None:
        found[0].send_file(written, found[1])


def remove(place: Path) -> None:
    """Remove a run, or all of a study, from the remote store.

    Raises
    ------
    RunError
        If it cannot be.
    """
    if (found := _remote_of(place)) is not None:
        found[0].remove(found[1])


def replace_folder(new: Path, place: Path) -> None:
    """Put the folder ``new`` at ``place``, in place of the folder that was there."""
    if not place.exists():
        new.rename(place)
        return
    old = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}{OLD}")
    place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def remove_folder(place: Path) -> None:
    """Delete a folder that is out of sight before anything of it is deleted.

    A process that is killed meanwhile leaves no half of it to be read.

    Raises
    ------
    OSError
        If it cannot be moved away, or not all of it can be deleted.
    """
    # The name begins with one dot, also for a hidden folder: ``tidy_run`` expects it.
    name = place.name.removeprefix(".")
    gone = place.with_name(f".{name}.{uuid.uuid4().hex[:8]}{GONE}")
    place.rename(gone)
    shutil.rmtree(gone)


@dataclass
class _Remote:
    """A remote store and its mirror."""

    url: str
    folder: Path
    filesystem: Any
    root: str
    problem: str = ""
    expected: dict[str, str | None] = field(default_factory=dict)
    checked: float | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def refresh(self, *, at_once: bool = False) -> None:
        """Ask the store again, if the last answer is old; others go on meanwhile."""
        if not self.lock.acquire(blocking=at_once or self.checked is None):
            return
        try:
            is_first = self.checked is None
            now = time.monotonic()
            # A page would wait at each click for a store that does not answer.
            age_s = MAX_AGE_S * (PATIENCE if self.problem else 1)
            is_fresh = self.checked is not None and now - self.checked < age_s
            if is_fresh and not at_once:
                return
            try:
                with self._alone(), self._explaining():
                    self._pull()
                self.problem = ""
            except RunError as error:
                if is_first or at_once:
                    raise
                self.problem = str(error)
            self.checked = time.monotonic()
        finally:
            self.lock.release()

    def _pull(self) -> None:
        there = self._list()
        index = _read_index(self.folder)
        for name in sorted(index.keys() - there.keys()):
            _remove_local(self.folder / name)
            del index[name]
        changed = {
            name: versions
            for name, versions in there.items()
            if index.get(name) != versions or not (self.folder / name).exists()
        }
        # The files of a study come first: its runs are read by them.
        for name in sorted(changed, key=lambda each: (RECORD in changed[each], each)):
            if self._bring(name, changed[name]):
                index[name] = changed[name]
                # What has come stays known if the rest does not come.
                _write_index(self.folder, index)
        _write_index(self.folder, index)

    def _list(self) -> dict[str, Versions]:
        """Versions of the files of each whole run, and of each file beside the runs."""
        self.filesystem.invalidate_cache()
        found = self.filesystem.find(self.root, detail=True)
        if not found:
            self._check_bucket()
        things: dict[str, Versions] = {}
        for path, info in found.items():
            name = path.removeprefix(self.root).strip("/")
            parts = PurePosixPath(name).parts
            if not parts or any(each.startswith(".") or each == ".." for each in parts):
                continue
            if len(parts) == 4 and parts[2].startswith("seed-"):
                things.setdefault("/".join(parts[:3]), {})[parts[3]] = _version(info)
            elif len(parts) == 2:
                things[name] = {"": _version(info)}
        return {
            name: files
            for name, files in things.items()
            if "" in files or RECORD in files
        }

    def _check_bucket(self) -> None:
        """An empty store is fine; a bucket that is not there is an error."""
        if self._is_of_objects:
            bucket = self.root.split("/")[0]
            if not self.filesystem.exists(bucket):
                raise FileNotFoundError(bucket)

    @property
    def _is_of_objects(self) -> bool:
        protocol = self.filesystem.protocol
        names = {protocol} if isinstance(protocol, str) else {*protocol}
        return bool(names & _OBJECT_STORES)

    def _bring(self, name: str, versions: Versions) -> bool:
        """Bring a file or a run down, whole; False if it was changed meanwhile."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
        remote = f"{self.root}/{name}"
        try:
            if "" in versions:
                self.filesystem.get_file(remote, str(beside))
                beside.replace(place)
                return True
            beside.mkdir()
            names = sorted(versions)
            self.filesystem.get(
                [f"{remote}/{each}" for each in names],
                [str(beside / each) for each in names],
            )
            # Whoever replaces a run removes its record first.
            if self._version_of(f"{remote}/{RECORD}") != versions[RECORD]:
                return False
            replace_folder(beside, place)
            return True
        except FileNotFoundError:
            return False
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            with suppress(OSError):
                beside.unlink(missing_ok=True)

    def send_run(self, written: Path, name: str) -> None:
        with self.lock, self._explaining(name), self._claimed(name):
            remote = f"{self.root}/{name}"
            record = f"{remote}/{RECORD}"
            known = _read_index(self.folder).get(name, {}).get(RECORD)
            expected = self.expected.pop(name, known)
            now = self._version_of(record)
            if now is not None and now != expected:
                raise RunError(
                    gettext(
                        "Another machine has finished the run {run} in {store}.",
                        run=name,
                        store=self.url,
                    ),
                    expected=gettext("one training of a run at a time."),
                    remedy=gettext(
                        "look at the run that is there, or train it again with"
                        " --replace."
                    ),
                )
            if now is not None:
                self.filesystem.rm_file(record)
            self._make_folder(remote)
            files = sorted(path.name for path in written.iterdir() if path.is_file())
            for each in files:
                if each != RECORD:
                    self._put(written / each, f"{remote}/{each}")
            for gone in self._names_in(remote) - {*files}:
                self.filesystem.rm_file(f"{remote}/{gone}")
            # Another process must not take it for a run that has to come down.
            with self._alone():
                self._put(written / RECORD, record)
                versions = {each: self._known(f"{remote}/{each}") for each in files}
                index = {**_read_index(self.folder), name: versions}
                _write_index(self.folder, index)

    def send_file(self, written: Path, name: str) -> None:
        with self.lock, self._explaining(name):
            remote = f"{self.root}/{name}"
            self._make_folder(remote.rpartition("/")[0])
            self._put(written, remote)
            run, _, file = name.rpartition("/")
            if run.count("/") < 2:
                self._note(name, {"": self._known(remote)})
            elif (known := _read_index(self.folder).get(run)) is not None:
                self._note(run, {**known, file: self._known(remote)})

    def remove(self, name: str) -> None:
        with self.lock, self._explaining(name):
            self.filesystem.invalidate_cache()
            paths = self.filesystem.find(f"{self.root}/{name}")
            for path in sorted(paths, key=lambda each: not each.endswith(RECORD)):
                self.filesystem.rm_file(path)
            with self._alone():
                index = _read_index(self.folder)
                for known in [*index]:
                    if known == name or known.startswith(f"{name}/"):
                        del index[known]
                _write_index(self.folder, index)

    def _note(self, name: str, versions: Versions) -> None:
        with self._alone():
            _write_index(self.folder, {**_read_index(self.folder), name: versions})

    def _put(self, source: Path, target: str) -> None:
        self.filesystem.put_file(str(source), target)

    def _make_folder(self, remote: str) -> None:
        if not self._is_of_objects:
            self.filesystem.makedirs(remote, exist_ok=True)

    def _names_in(self, remote: str) -> set[str]:
        self.filesystem.invalidate_cache()
        found = self.filesystem.find(remote, maxdepth=1)
        return {PurePosixPath(path).name for path in found}

    def _version_of(self, remote: str) -> str | None:
        self.filesystem.invalidate_cache()
        try:
            return _version(self.filesystem.info(remote))
        except FileNotFoundError:
            return None

    def _known(self, remote: str) -> str:
        return self._version_of(remote) or ""

    @contextmanager
    def _claimed(self, name: str) -> Iterator[None]:
        """Keep other machines from bringing the same run up at the same time."""
        head, _, tail = name.rpartition("/")
        claim = f"{self.root}/{head}/.{tail}.uploading"
        own = os.environ.get(WRITER_VARIABLE) or f"{socket.gethostname()}:{self.folder}"
        text = json.dumps({"writer": own, "since": time.time()}).encode()
        self._make_folder(f"{self.root}/{head}")
        try:
            self.filesystem.pipe_file(claim, text, mode="create")
        except FileExistsError:
            holder = self._read_claim(claim)
            age_s = time.time() - float(holder.get("since", 0))
            if holder.get("writer") != own and age_s < CLAIM_S:
                raise RunError(
                    gettext(
                        "Another machine is bringing the run {run} to {store} right"
                        " now.",
                        run=name,
                        store=self.url,
                    ),
                    expected=gettext("one training of a run at a time."),
                    remedy=gettext(
                        "wait a few minutes, then run the same command with --resume."
                    ),
                ) from None
            self.filesystem.pipe_file(claim, text)
        try:
            yield
        finally:
            # A broken connection must not hide its own error.
            with suppress(*_faults()):
                self.filesystem.rm_file(claim)

    def _read_claim(self, claim: str) -> Mapping[str, Any]:
        try:
            content = json.loads(self.filesystem.cat_file(claim))
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time change the mirror."""
        while (lock := take_lock(self.folder / _LOCK)) is None:
            time.sleep(_LOOK_AGAIN_S)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _explaining(self, name: str = "") -> Iterator[None]:
        """Say what a failure of the connection means for a reader."""
        place = f"{self.url}/{name}" if name else self.url
        try:
            yield
        except _faults() as error:
            raise _explain(place, error) from error


_OPEN: dict[Path, _Remote] = {}
_OPENING = threading.Lock()


def _connect(url: str, folder: Path) -> _Remote:
    from fsspec.core import url_to_fs

    scheme = url.split("://")[0]
    try:
        filesystem, root = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        package = _PACKAGES.get(scheme, "")
        raise RunError(
            gettext(
                "The store {store} needs a package more: {why}.",
                store=url,
                why=str(error).rstrip("."),
            ),
            expected=gettext("the packages of cloud stores, which are an extra."),
            remedy=gettext(
                "install them: pip install {package}.",
                package="'equipoise[cloud]'"
                if package == "s3fs"
                else package or scheme,
            ),
        ) from None
    except ValueError as error:
        raise RunError(
            gettext("The store {store} cannot be opened: {why}.", store=url, why=error),
            expected=gettext("a URL such as s3://bucket/runs, or a folder."),
            remedy=gettext("fix EQUIPOISE_RUNS or --out."),
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    return _Remote(url, folder, filesystem, root.rstrip("/"))


def _remote_of(place: Path) -> tuple[_Remote, str] | None:
    """The remote store that a place in a mirror belongs to, and its name there.

    None for what is still being written, in a hidden folder of the mirror.
    """
    for folder, remote in _OPEN.items():
        if place.is_relative_to(folder):
            name = place.relative_to(folder).as_posix()
            return None if name.startswith(".") else (remote, name)
    return None


def _faults() -> tuple[type[Exception], ...]:
    """What the libraries of stores raise; they are imported only by their use."""
    found: list[type[Exception]] = [OSError]
    for module, name in (
        ("botocore.exceptions", "BotoCoreError"),
        ("botocore.exceptions", "ClientError"),
        ("aiohttp", "ClientError"),
    ):
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)


def _explain(place: str, error: Exception) -> RunError:
    why = str(error) or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return RunError(
            gettext("The store {store} is not there: {why}.", store=place, why=why),
            expected=gettext("a bucket that exists."),
            remedy=gettext("make the bucket, or fix EQUIPOISE_RUNS or --out."),
        )
    if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
        return RunError(
            gettext("The store {store} refuses: {why}.", store=place, why=why),
            expected=gettext(
                "credentials that may list, read and write there, such as"
                " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ),
            remedy=gettext("set them, or ask the owner of the store."),
        )
    return RunError(
        gettext("The store {store} could not be reached: {why}.", store=place, why=why),
        expected=gettext("a connection that holds."),
        remedy=gettext(
            "run the same command again when it is back; a training goes on with"
            " --resume."
        ),
    )


def _version(info: Mapping[str, Any]) -> str:
    """Size and mark of a file: of two versions they differ."""
    marks = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created")
    mark = next((info[name] for name in marks if info.get(name)), "")
    # Some stores give a time in seconds in a listing, and as a time for one file.
    if isinstance(mark, datetime):
        mark = mark.timestamp()
    return f"{info.get('size')} {mark}"


def _read_index(folder: Path) -> dict[str, Versions]:
    try:
        content = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_index(folder: Path, index: Mapping[str, Versions]) -> None:
    beside = folder / f"{_INDEX}.{uuid.uuid4().hex[:8]}"
    beside.write_text(json.dumps(index), encoding="utf-8")
    beside.replace(folder / _INDEX)


def _remove_local(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)
    for folder in (place.parent, place.parent.parent):
        with suppress(OSError):
            folder.rmdir()
