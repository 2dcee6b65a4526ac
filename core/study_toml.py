"""A study, or another file of ours, as TOML."""

import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.study import Study

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LONGEST = 88
"""Characters of a line beyond which a table gets a heading of its own."""
# Tables whose own tables have headings of their own.
_OF_TABLES = ("methods",)


def study_toml(study: Study) -> str:
    """Write a study as TOML, without default values.

    Parameters
    ----------
    study : Study

    Returns
    -------
    str
        ``parse_study`` makes an equal study of it. Comments of a file that the study
        was read from are not in it.
    """
    content = study.model_dump(mode="json", exclude_defaults=True)
    return toml_text({"schema": study.schema_version, **content})


def toml_text(content: Mapping[str, Any]) -> str:
    """Tables, lists of tables and values as TOML; what is None is left out."""
    return "\n".join(_lines(_without_none(content))).strip() + "\n"


def toml_value(value: Any) -> str:
    """A value on one line, as it is written after the ``=`` of a key."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for the one sign that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", r"\u007f")
    if isinstance(value, Mapping):
        pairs = [f"{_key(name)} = {toml_value(part)}" for name, part in value.items()]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(toml_value, value))}]"
    return repr(value)


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    tables = {name: part for name, part in content.items() if _has_heading(part)}
    for name, part in content.items():
        if name not in tables:
            yield f"{_key(name)} = {toml_value(part)}"
    for name, part in tables.items():
        yield from _table(_key(name), part, nested=name in _OF_TABLES)


def _table(heading: str, part: Any, *, nested: bool = False) -> Iterator[str]:
    if isinstance(part, Mapping) and nested:
        for name, inner in part.items():
            yield from _table(f"{heading}.{_key(name)}", inner)
    elif isinstance(part, Mapping):
        rows = {name: inner for name, inner in part.items() if _is_rows(inner)}
        yield from ("", f"[{heading}]")
        apart = {}
        for name, inner in part.items():
            line = f"{_key(name)} = {toml_value(inner)}"
            if isinstance(inner, Mapping) and len(line) > LONGEST:
                apart[f"{heading}.{_key(name)}"] = inner
            elif name not in rows:
                yield line
        for place, inner in apart.items():
            yield from _table(place, inner)
        for name, inner in rows.items():
            yield from _table(f"{heading}.{_key(name)}", inner)
    else:
        for row in part:
            yield from ("", f"[[{heading}]]")
            yield from (f"{_key(n)} = {toml_value(v)}" for n, v in row.items())


def _has_heading(part: Any) -> bool:
    return isinstance(part, Mapping) or _is_rows(part)


def _is_rows(part: Any) -> bool:
    """Whether it is a list of tables."""
    is_list = isinstance(part, Sequence) and not isinstance(part, str) and bool(part)
    return is_list and all(isinstance(row, Mapping) for row in part)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)


def _without_none(value: Any) -> Any:
    """TOML has no null, so None is left out."""
    if isinstance(value, Mapping):
        return {n: _without_none(part) for n, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_without_none(part) for part in value]
    return value


def write_study_file(study: Study, path: Path, *, head: str = "") -> None:
    """Write a study as a TOML file in one step, so that nobody reads half of it.

    Parameters
    ----------
    study : Study
    path : Path
        Its folder is made if it is not there.
    head : str
        Comments above it.

    Raises
    ------
    OSError
        If it cannot be written; an earlier file is then as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        beside.write_text(head + study_toml(study), encoding="utf-8")
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
