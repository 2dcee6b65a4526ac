"""What is looked at of a study: methods, seeds, baseline, as every view takes them."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from core.data.manifest import DatasetInfo
from core.evaluation.comparison import Baseline, Counterparts
from core.language import gettext, ngettext
from core.plots.look import Look, MethodStyle
from core.results.two_studies import TwoStudies
from core.runs import Run
from core.study import Study
from core.tasks import Task
from core.views.caching import as_key, data_fingerprint
from core.views.own_copy import shown_copy


@dataclass(frozen=True)
class StudyView:
    """What the bar chose.

    Parameters
    ----------
    study, dataset
        The chosen study and what is known of its dataset.
    look : Look
        The chosen methods in the study's order, the baseline always among them; how
        all methods that have runs are drawn and called; and the baseline, which is the
        study's own unless the reader has chosen another.
    seeds : tuple of int
        Chosen seeds.
    runs : tuple of Run
        Every run with a chosen seed, of all methods: verdicts are corrected over all
        of them, so hiding a method changes no number.
    two : TwoStudies or None
        Where another study stands beside the chosen one: study, runs and methods are
        then of both, and each method is compared with its counterpart.
    left_out : tuple of str
        Which runs could not be read, and why, where no page has said so.
    """

    study: Study
    dataset: DatasetInfo
    look: Look
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]
    two: TwoStudies | None = None
    left_out: tuple[str, ...] = ()

    @cached_property
    def cache_key(self) -> str:
        """Two views with the same key show the same, whatever is drawn of them."""
        others = () if self.two is None else (self.two.names, self.two.counterparts)
        names = (self.study.name,) if self.two is None else self.two.names
        data = [data_fingerprint(name) for name in names]
        copy = str(shown_copy(self.study) or "")
        chosen = (self.study, self.look, self.seeds, self.runs, others)
        parts = (chosen, data, copy, self.left_out)
        return hashlib.sha256(repr(as_key(parts)).encode()).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """Without the key: another process may see other files."""
        return {name: v for name, v in vars(self).items() if name != "cache_key"}

    @property
    def studies(self) -> tuple[Study, ...]:
        """The study, and the one that stands beside it."""
        return (self.study,) if self.two is None else (self.two.study, self.two.other)

    @property
    def title(self) -> str:
        """The study's title, as it is said to a reader."""
        return gettext(self.study.title)

    @property
    def methods(self) -> tuple[str, ...]:
        """Chosen methods in the study's order."""
        return self.look.methods

    @property
    def styles(self) -> Mapping[str, MethodStyle]:
        """How each method that has runs is drawn."""
        return self.look.styles

    @property
    def labels(self) -> Mapping[str, str]:
        """What a reader sees for each method that has runs."""
        return self.look.labels

    @property
    def baseline(self) -> str:
        """The method that the others are compared with."""
        return self.look.baseline

    @property
    def has_counterparts(self) -> bool:
        """Whether each method is compared with the same one in another study."""
        return self.two is not None and self.two.counterparts is not None

    @property
    def against(self) -> Baseline:
        """The baseline; beside another study, the counterparts that have runs."""
        if self.two is None or self.two.counterparts is None:
            return self.baseline
        return Counterparts(self.references, self.two.other.name)

    @property
    def references(self) -> dict[str, str]:
        """Of each method that is compared and has runs, what it is compared with."""
        present = dict.fromkeys(run.method for run in self.runs)
        if self.two is None or self.two.counterparts is None:
            return {m: self.baseline for m in present if m != self.baseline}
        pairs = self.two.counterparts.by_method
        return {m: other for m, other in pairs.items() if {m, other} <= present.keys()}

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Tasks of the study."""
        return self.dataset.tasks

    @property
    def chosen_runs(self) -> tuple[Run, ...]:
        """Runs of the chosen methods only."""
        return tuple(run for run in self.runs if run.method in self.methods)

    def of_seeds(self, seeds: tuple[int, ...]) -> "StudyView":
        """The same view, of these seeds only."""
        runs = tuple(run for run in self.runs if run.seed in seeds)
        return replace(self, seeds=seeds, runs=runs)

    @property
    def seeds_text(self) -> str:
        """Over how many seeds a mean is: "3 seeds", or "1 to 3 seeds, ..."."""
        low, high = self._seed_counts
        if low == high:
            return ngettext("{count} seed", "{count} seeds", high)
        return gettext(
            "{low} to {high} seeds, as many as a method was trained with",
            low=low,
            high=high,
        )

    @property
    def mean_text(self) -> str:
        """What a number is: "one seed", or "mean over 3 seeds"."""
        if self._seed_counts == (1, 1):
            return gettext("one seed")
        return gettext("mean over {seeds}", seeds=self.seeds_text)

    @property
    def _seed_counts(self) -> tuple[int, int]:
        """Runs of the method with the fewest, and of that with the most."""
        counts = Counter(run.method for run in self.chosen_runs).values()
        return min(counts), max(counts)
