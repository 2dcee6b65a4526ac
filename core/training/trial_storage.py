"""The storage of the trials of a search: a database that several workers share."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study as Trials
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from core.errors import EquipoiseError
from core.language import gettext

FOLDER = ".searches"
# Seconds between the heartbeats of a worker, and of silence until it counts as lost.
HEARTBEAT_S, SILENCE_S = 10, 60
# Seconds to wait for a database that another worker is writing to.
_BUSY_S = 60
# Two workers may make the tables of a new database at once: one of them is refused.
_ATTEMPTS = 5
# How often a trial begins again after its worker was lost. A trial that kills its
# workers, for example by its memory, must end.
_AGAIN = 2


def default_url(store: Path, study: str) -> str:
    """The database of a study's trials, in a user's store."""
    return f"sqlite:///{(store / FOLDER / f'{study}.sqlite').absolute()}"


def open_storage(url: str) -> RDBStorage:
    """Open a database of trials, which is made if it is not there.

    Parameters
    ----------
    url : str
        As SQLAlchemy has it: ``sqlite:///trials.sqlite``, or
        ``postgresql://user:password@host/database`` with its driver installed.

    Raises
    ------
    EquipoiseError
        If it cannot be opened; no password is in the message.
    """
    # The caller reports failed and pruned trials.
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        place = sqlalchemy.engine.make_url(url)
        if place.get_backend_name() == "sqlite" and place.database:
            Path(place.database).parent.mkdir(parents=True, exist_ok=True)
        return _open(url, place.get_backend_name())
    except (SQLAlchemyError, ImportError, OSError, RuntimeError, ValueError) as error:
        raise EquipoiseError(
            gettext(
                "The storage {url} cannot be opened: {fault}.",
                url=_without_password(url),
                fault=_reason(error),
            ),
            expected=gettext(
                "the URL of a database, such as {examples}.",
                examples="sqlite:///trials.sqlite, "
                "postgresql://user:password@host/database",
            ),
            remedy=gettext(
                "correct --storage, install the database's driver, or leave --storage "
                "out."
            ),
        ) from error


def _open(url: str, backend: str) -> RDBStorage:
    settings = {"connect_args": {"timeout": _BUSY_S}} if backend == "sqlite" else {}
    for attempt in range(_ATTEMPTS):
        try:
            with _without_warnings():
                return RDBStorage(
                    url,
                    engine_kwargs=settings,
                    heartbeat_interval=HEARTBEAT_S,
                    grace_period=SILENCE_S,
                    heartbeat_stale_trial_callback=try_again,
                )
        except sqlalchemy.exc.OperationalError as error:
            is_last = attempt + 1 == _ATTEMPTS
            if is_last or "already exists" not in str(error):
                raise
            time.sleep(0.2)
    raise AssertionError("unreachable")


def try_again(trials: Trials, lost: FrozenTrial) -> None:
    """Put the settings of a trial that was broken off before all others."""
    with _without_warnings():
        RetryHeartbeatStaleTrialCallback(max_retry=_AGAIN)(trials, lost)


def give_up_lost(trials: Trials) -> None:
    """Fail the trials whose worker is silent, and put their settings before others."""
    with _without_warnings():
        optuna.storages.fail_stale_trials(trials)
    for trial in _never_heard(trials):
        # Another worker may have given it up just now.
        with suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):
            trials.tell(trial.number, state=TrialState.FAIL)
            try_again(trials, trial)


def _never_heard(trials: Trials) -> list[FrozenTrial]:
    """Trials whose worker was lost before its first heartbeat: Optuna waits for them.

    It knows a silent worker by its last heartbeat alone, and so one without any would
    be waited for forever.
    """
    before = datetime.now() - timedelta(seconds=SILENCE_S)
    running = trials.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    old = [t for t in running if t.datetime_start and t.datetime_start < before]
    if not old:
        return []
    storage: Any = trials._storage
    # The storage of a study is a cache before the database.
    database: RDBStorage = getattr(storage, "_backend", storage)
    with database.engine.connect() as connection:
        heard = sqlalchemy.text("SELECT trial_id FROM trial_heartbeats")
        known = {row.trial_id for row in connection.execute(heard)}
    return [trial for trial in old if trial._trial_id not in known]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence the warning of Optuna that these parts are experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


@contextmanager
def storage_faults() -> Iterator[None]:
    """Turn a database that fails in the middle of a search into a fault.

    Raises
    ------
    EquipoiseError
        What was finished before is kept.
    """
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise EquipoiseError(
            gettext("The storage of the trials fails: {fault}.", fault=_reason(error)),
            expected=gettext("a database that answers and can be written."),
            remedy=gettext(
                "fix that, then run the same command: finished trials are kept."
            ),
        ) from error


def _reason(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error.__cause__ or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")


def _without_password(url: str) -> str:
    try:
        return sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        # The text may hold a password.
        return "that was given"
