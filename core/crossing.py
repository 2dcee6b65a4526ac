"""The separator in names of crossed features and groups, such as "gender x blond".

There are two signs, and both are read wherever a study names a crossing. The first is
part of run keys, of tables in finished runs, and of the order of groups that samplers
draw from, so neither can take the place of the other.
"""

STORED = " x "
"""Between crossed names in ``on`` and ``groups`` of a study, and in runs."""
SHOWN = " × "
"""Between crossed names in comparisons, and in published numbers of groups."""


def split_crossing(name: str) -> tuple[str, ...]:
    """The crossed names; the name alone if it is not a crossing.

    Examples
    --------
    >>> split_crossing("gender x blond") == split_crossing("gender × blond")
    True
    >>> split_crossing("gender")
    ('gender',)
    """
    return tuple(name.replace(SHOWN, STORED).split(STORED))


def show_crossing(name: str) -> str:
    """The name of a crossing with the sign that people see.

    Examples
    --------
    >>> show_crossing("gender x blond")
    'gender × blond'
    """
    return SHOWN.join(split_crossing(name))
