"""One training of a run at a time: who trains it, and what a killed one left."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from core import remote_store, runs
from core.errors import RunError
from core.language import gettext
from core.locks import Lock, read_holder, take_lock

FOLDER = ".locks"


class RunHeldError(RunError):
    """A run that another process trains right now."""


@contextmanager
def hold_runs(
    store: Path,
    study: str,
    wanted: Iterable[tuple[str, int]],
    *,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Iterator[None]:
    """Keep every other process from training the same runs into the same store.

    Parameters
    ----------
    store : Path
    study : str
    wanted : iterable of (method, seed)
    warn : callable
        Called with a sentence if the file system has no locks.

    Raises
    ------
    RunHeldError
        If another process holds one of them, which the message names.
    RunError
        If the store cannot be written.

    Notes
    -----
    The locks end with the process, however it ends: those of a killed one are taken
    over. Its unfinished files are then removed, or the earlier run is put back.
    """
    folder = store / FOLDER
    remote_store.refresh(store)
    with ExitStack() as held:
        held.callback(_remove_empty, folder)
        enforced = True
        for method, seed in sorted(wanted):
            path = folder / f"{study}+{method}+seed-{seed}.lock"
            lock = _take(path, f"{method}, seed {seed}")
            held.callback(lock.release, remove=True)
            enforced &= lock.is_enforced
            place = store / study / method / f"seed-{seed}"
            runs.tidy_run(place)
            remote_store.expect(place)
        if not enforced:
            warn(
                f"The file system of {store} has no locks: do not train one run in two "
                "processes at once."
            )
        yield


def is_being_trained(store: Path, study: str) -> bool:
    """Whether a process trains a run of a study into a store right now."""
    for path in (store / FOLDER).glob(f"{study}+*.lock"):
        with suppress(OSError):
            lock = take_lock(path)
            if lock is None:
                return True
            lock.release()
    return False


def _take(path: Path, run: str) -> Lock:
    try:
        lock = take_lock(path)
        if lock is not None:
            lock.say_holder()
    except OSError as error:
        raise RunError(
            gettext(
                "The lock of the run '{run}' could not be saved to {path}: {fault}.",
                run=run,
                path=path,
                fault=error.strerror or str(error),
            ),
            expected=gettext("a writable folder with room."),
            remedy=gettext("free some space or choose another --out."),
        ) from error
    if lock is None:
        holder = read_holder(path)
        raise RunHeldError(
            gettext(
                "The run '{run}' is being trained by {holder}.",
                run=run,
                holder=str(holder or gettext("another process")),
            ),
            expected=gettext("one training of a run at a time."),
            remedy=gettext(
                "wait until it has finished, or stop it ({command}); other runs are "
                "chosen with --method and --seed.",
                command=f"kill {holder.pid}",
            )
            if holder
            else gettext(
                "wait until it has finished, or stop it; other runs are chosen with "
                "--method and --seed."
            ),
        )
    return lock


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
