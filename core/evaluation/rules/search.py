"""The shortest rule over up to three attributes that explains labels."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.rules.conditions import (
    Booleans,
    Condition,
    Conditions,
    Doubles,
    fine_thresholds,
    hold_all,
    list_conditions,
)
from core.evaluation.rules.formulas import LETTERS, Formula, evaluate, formulas_of
from core.language import gettext

MOST_CONDITIONS = len(LETTERS)
KEPT = 24
"""Rules of each number of conditions that are kept, and whose thresholds are tuned."""
_AT_ONCE = 4096
"""Triples of conditions whose rules are judged together: bounds the memory."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """A rule, and how short it makes the labels.

    Parameters
    ----------
    conditions : tuple of Condition
        One to three, called a, b and c in the formula.
    formula : Formula
    bits : float
        That describe the rule, and the labels once it is known.
    """

    conditions: tuple[Condition, ...]
    formula: Formula
    bits: float

    @property
    def text(self) -> str:
        """As a reader sees it, such as "glasses or greying ≥ 0.5"."""
        named = dict(zip(LETTERS, self.conditions, strict=False))

        def written(found: re.Match[str]) -> str:
            condition = named[found["letter"]]
            return condition.opposite if found["no"] else condition.text

        return re.sub(r"(?P<no>not )?\b(?P<letter>[abc])\b", written, self.formula.text)

    @property
    def said(self) -> str:
        """``text`` in the reader's language."""
        named = dict(zip(LETTERS, self.conditions, strict=False))
        joins = {"and": gettext("and"), "or": gettext("or")}

        def written(found: re.Match[str]) -> str:
            if found["join"]:
                return joins[found["join"]]
            return named[found["letter"]].said(is_opposite=bool(found["no"]))

        return re.sub(
            r"\b(?P<join>and|or)\b|(?P<no>not )?\b(?P<letter>[abc])\b",
            written,
            self.formula.text,
        )

    @property
    def columns(self) -> frozenset[str]:
        """Attributes that it looks at."""
        return frozenset(condition.column for condition in self.conditions)

    def holds(self, table: pd.DataFrame) -> Booleans:
        """Whether it holds of each row of a table of attributes, shape (rows,)."""
        return evaluate(self.formula.text, hold_all(self.conditions, table))


@dataclass(frozen=True)
class Search:
    """The result of a search.

    Parameters
    ----------
    ranked : tuple of Rule
        The best rule of every set of attributes that was kept, the shortest
        description first.
    plain_bits : float
        That describe the labels without any rule.
    images, positives : int
        Images that were searched on, and those of them that have the label.
    tried : int
        Sets of conditions whose every rule was weighed.
    columns, left_out : tuple of str
        Attributes that there were, and those of which no condition can be made.
    """

    ranked: tuple[Rule, ...]
    plain_bits: float
    images: int
    positives: int
    tried: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def best(self) -> Rule | None:
        """The rule that explains the labels; None if no rule is worth its bits."""
        first = next(iter(self.ranked), None)
        return first if first is not None and first.bits < self.plain_bits else None

    def runners_up(self, count: int) -> tuple[Rule, ...]:
        """Rules over other attributes, the best first.

        Those that only add attributes to a better one of the list are passed over:
        their place says already that the addition is not worth its bits. The best rule
        with fewer attributes than ``best``, and the best with more, are there always.
        """
        if self.best is None:
            return self.ranked[:count]
        sizes: dict[int, Rule] = {}
        for rule in self.ranked:
            sizes.setdefault(len(rule.conditions), rule)
        listed = [rule for rule in sizes.values() if rule is not self.best]
        shown = [self.best]
        for rule in self.ranked[1:]:
            if len(listed) >= count:
                break
            if any(better.columns <= rule.columns for better in shown):
                continue
            shown.append(rule)
            if rule not in listed:
                listed.append(rule)
        return tuple(sorted(listed[:count], key=lambda rule: rule.bits))


def search_rules(table: pd.DataFrame, labels: Booleans) -> Search:
    """Weigh every rule of and, or and not over up to three conditions.

    Parameters
    ----------
    table : DataFrame
        One row an image of the training split, one column an attribute, as
        ``list_conditions`` takes it.
    labels : bool array, shape (rows,)
        Whether each image has the label.

    Returns
    -------
    Search
        Without rules where all images have the same label, or no attribute differs.

    Notes
    -----
    The criterion is the minimum description length (Rissanen, Automatica 1978; for
    rules Quinlan and Rivest, Information and Computation 1989): the bits that write the
    rule, and those of the labels by their shares where the rule holds and where it does
    not, with log2(n) / 2 for each of these two shares. A longer rule wins only where it
    saves more bits of the labels than it costs. So label noise, which no attribute
    explains, adds nothing to a rule. No threshold has to be chosen, as with one
    standard error on validation images, and no image is lost to validation. A rule
    costs log2 of the attributes for each condition, log2 of the words or thresholds of
    that attribute, and what its formula does (``Formula.bits``). Of a rule and its
    opposite, the result is the one that holds where the label is likelier.

    All sets of up to three conditions are counted, as bits (eight images a byte, a
    population count each). The shares in the eight cells of a set bound from below
    what any rule over it can reach, entropy being concave; all 218 rules of three are
    weighed where the bound allows one to be kept, so that none is missed. Numbers are
    searched at ``THRESHOLDS`` quantiles; the thresholds of the ``KEPT`` best rules are
    then tuned one after the other, until none gets better.
    """
    conditions = list_conditions(table)
    searching = _Searching(conditions, table, np.asarray(labels, bool))
    found = [
        searching.tune(rule)
        for rules in searching.best_by_size()
        for rule in rules
        if searching.is_informative
    ]
    by_columns: dict[frozenset[str], Rule] = {}
    for rule in sorted(found, key=_rank):
        by_columns.setdefault(rule.columns, rule)
    return Search(
        ranked=tuple(by_columns.values()),
        plain_bits=searching.plain_bits,
        images=searching.images,
        positives=searching.positives,
        tried=searching.tried,
        columns=conditions.columns,
        left_out=conditions.left_out,
    )


def _rank(rule: Rule) -> tuple[float, int]:
    # Equal but for rounding: the shorter one, then the one found first.
    return round(rule.bits, 6), rule.formula.size


class _Searching:
    """The images as bits, and the bits of everything that can be said of them."""

    def __init__(
        self, conditions: Conditions, table: pd.DataFrame, labels: Booleans
    ) -> None:
        self._conditions = conditions.listed
        self._table, self._labels = table, labels
        self.images, self.positives = len(labels), int(labels.sum())
        self.tried = 0
        self._x_log_x = _x_log_x(self.images)
        attributes = math.log2(max(len(conditions.columns), 1))
        self._naming = np.array([attributes + c.bits for c in self._conditions])
        self._attributes = attributes
        self._all = _packed(hold_all(self._conditions, table))
        self._positive = self._all & _packed(labels[None])
        self._columns: dict[str, _Sorted] = {}
        self._of_words: dict[Condition, Booleans] = {}

    @property
    def is_informative(self) -> bool:
        """Whether images differ in their label."""
        return 0 < self.positives < self.images

    @property
    def plain_bits(self) -> float:
        """Bits of the labels by their share alone."""
        share = self._entropy(np.array(self.images), np.array(self.positives))
        return float(share) + math.log2(max(self.images, 1)) / 2

    def best_by_size(self) -> Iterator[list[Rule]]:
        """The best rules over one, two and three conditions."""
        for number in range(1, MOST_CONDITIONS + 1):
            best = _Best(number)
            for places, every, positive in self._cells(number):
                self.tried += len(places)
                self._weigh(best, places, every, positive)
            yield [
                Rule(
                    tuple(self._conditions[place] for place in places),
                    formulas_of(number)[formula],
                    bits,
                )
                for bits, formula, places in best.listed()
            ]

    def _cells(self, number: int) -> Iterator[tuple[Counts, Counts, Counts]]:
        """Sets of conditions, and the images and positives in each of their cells."""
        count = len(self._conditions)
        if number < MOST_CONDITIONS:
            places = np.array(list(combinations(range(count), number)), np.int64)
            if len(places):
                every, positive = self._few(places)
                yield places, _to_cells(every), _to_cells(positive)
            return
        pairs = np.array(list(combinations(range(count), 2)), np.int64).reshape(-1, 2)
        alone, together = self._few(np.arange(count)[:, None]), self._few(pairs)
        two = np.zeros((2, count, count), np.int64)
        for kind in range(2):
            two[kind, pairs[:, 0], pairs[:, 1]] = together[kind][:, 3]
        for first in range(count - 2):
            yield self._triples(first, two, [each[:, 1] for each in alone])

    def _few(self, places: Counts) -> tuple[Counts, Counts]:
        """Images and positives that all of each part of a set hold of.

        Returns
        -------
        int arrays, shape (sets, 2 ** number)
            By the part, written in binary: of none of them, all images.
        """
        found = []
        for packed, total in (
            (self._all, self.images),
            (self._positive, self.positives),
        ):
            singles = _count(packed)
            columns = [np.full(len(places), total), singles[places[:, 0]]]
            if places.shape[1] == 2:
                both = [_count(packed[i] & packed[j]) for i, j in places]
                columns += [singles[places[:, 1]], np.array(both, np.int64)]
            found.append(np.stack(columns, axis=1).astype(np.int64))
        return found[0], found[1]

    def _triples(
        self, first: int, two: Counts, singles: list[Counts]
    ) -> tuple[Counts, Counts, Counts]:
        """All triples that begin with one condition."""
        count = len(self._conditions)
        places, parts = [], ([], [])  # type: ignore[var-annotated]
        for second in range(first + 1, count - 1):
            third = np.arange(second + 1, count)
            places.append(
                np.stack(
                    [np.full(len(third), first), np.full(len(third), second), third], 1
                )
            )
            for kind, packed in enumerate((self._all, self._positive)):
                both = packed[first] & packed[second]
                parts[kind].append(_count(both & self._all[second + 1 :]))
        i, j, k = (together := np.concatenate(places)).T
        cells = []
        for kind, total in enumerate((self.images, self.positives)):
            one, pair = singles[kind], two[kind]
            columns = [np.full(len(i), total), one[i], one[j], pair[i, j]]
            columns += [one[k], pair[i, k], pair[j, k], np.concatenate(parts[kind])]
            cells.append(_to_cells(np.stack(columns, axis=1)))
        return together, cells[0], cells[1]

    def _weigh(
        self, best: "_Best", places: Counts, every: Counts, positive: Counts
    ) -> None:
        """Weigh all rules over sets of conditions that may be among the best."""
        naming = self._naming[places].sum(axis=1) + math.log2(self.images)
        least = naming + self._entropy(every, positive).sum(axis=1) + best.least
        order = np.argsort(least, kind="stable")
        for start in range(0, len(order), _AT_ONCE):
            chosen = order[start : start + _AT_ONCE]
            chosen = chosen[least[chosen] <= best.worst]
            if not len(chosen):
                break
            bits, formulas = self._best_formula(best, every[chosen], positive[chosen])
            best.add(naming[chosen] + bits, formulas, places[chosen])

    def _best_formula(
        self, best: "_Best", every: Counts, positive: Counts
    ) -> tuple[Doubles, Counts]:
        """The best formula over each set of conditions, and its bits."""
        half = len(best.cells) // 2
        cells = best.cells[:half].T.astype(np.float64)
        held = (every @ cells).astype(np.int64)
        right = (positive @ cells).astype(np.int64)
        bits = self._entropy(held, right)
        bits += self._entropy(self.images - held, self.positives - right)
        # A formula, or its opposite, whichever holds where the label is likelier.
        likelier = right * self.images >= held * self.positives
        bits += np.where(likelier, best.bits[:half], best.bits[::-1][:half])
        chosen = bits.argmin(axis=1)
        rows = np.arange(len(bits))
        opposite = len(best.cells) - 1 - chosen
        formulas = np.where(likelier[rows, chosen], chosen, opposite)
        return bits[rows, chosen], formulas

    def _entropy(self, images: Counts, positives: Counts) -> Doubles:
        """Bits of labels by their share: n times its binary entropy."""
        own = self._x_log_x
        return np.asarray(own[images] - own[positives] - own[images - positives])

    def tune(self, rule: Rule) -> Rule:
        """The rule with the thresholds that describe the labels best."""
        numbers = [i for i, c in enumerate(rule.conditions) if c.kind == "at least"]
        better = True
        while better:
            better = False
            for place in numbers:
                tuned = self._tune_one(rule, place)
                if tuned.bits < rule.bits - 1e-6:
                    rule, better = tuned, True
        return rule

    def _tune_one(self, rule: Rule, place: int) -> Rule:
        """The rule with the best threshold of one condition, the others as they are."""
        condition = rule.conditions[place]
        column = self._sorted(condition.column)
        held = np.stack([self._holds(each) for each in rule.conditions])
        sums = []
        for above in (False, True):
            held[place] = above
            says = evaluate(rule.formula.text, held)[column.order]
            labels = self._labels[column.order]
            sums.append(
                [
                    np.concatenate([[0], np.cumsum(each, dtype=np.int64)])
                    for each in (says, says & labels)
                ]
            )
        cuts = column.cuts
        (below, below_right), (upper, upper_right) = sums
        says = below[cuts] + upper[-1] - upper[cuts]
        right = below_right[cuts] + upper_right[-1] - upper_right[cuts]
        bits = self._entropy(says, right)
        bits = bits + self._entropy(self.images - says, self.positives - right)
        fixed = sum(
            self._attributes + (0 if i == place else c.bits)
            for i, c in enumerate(rule.conditions)
        )
        bits = bits + column.bits + fixed + math.log2(self.images) + rule.formula.bits
        # The rule is still to hold where the label is likelier.
        bits[right * self.images < says * self.positives] = np.inf
        best = int(np.argmin(np.round(bits, 6)))
        found = replace(
            condition, value=column.thresholds[best], bits=float(column.bits[best])
        )
        others = rule.conditions
        return replace(
            rule,
            conditions=(*others[:place], found, *others[place + 1 :]),
            bits=float(bits[best]),
        )

    def _holds(self, condition: Condition) -> Booleans:
        """Whether a condition holds of each row; words are compared once."""
        if condition.kind != "is":
            return condition.holds(self._table)
        if condition not in self._of_words:
            self._of_words[condition] = condition.holds(self._table)
        return self._of_words[condition]

    def _sorted(self, name: str) -> "_Sorted":
        if name not in self._columns:
            coarse = {
                float(c.value): c.bits
                for c in self._conditions
                if c.column == name and c.kind == "at least"
            }
            values = self._table[name].to_numpy(np.float64, na_value=np.nan)
            self._columns[name] = _Sorted.from_values(values, coarse)
        return self._columns[name]


@dataclass(frozen=True)
class _Sorted:
    """The images in the order of a number, and where its thresholds part them.

    ``cuts`` are the images below each threshold; those without a number are below all.
    """

    order: NDArray[np.intp]
    thresholds: list[float]
    bits: Doubles
    cuts: NDArray[np.intp]

    @classmethod
    def from_values(cls, values: Doubles, coarse: dict[float, float]) -> "_Sorted":
        filled = np.where(np.isnan(values), -np.inf, values)
        order = np.argsort(filled, kind="stable")
        fine = fine_thresholds(values)
        named = {**coarse, **fine}
        for threshold in coarse.keys() & fine.keys():
            named[threshold] = min(coarse[threshold], fine[threshold])
        thresholds = sorted(named)
        return cls(
            order,
            thresholds,
            np.array([named[each] for each in thresholds]),
            np.searchsorted(filled[order], thresholds, side="left"),
        )


class _Best:
    """The best rules so far over one number of conditions."""

    def __init__(self, number: int) -> None:
        formulas = formulas_of(number)
        self.cells = np.array([each.cells for each in formulas])
        self.bits = np.array([each.bits for each in formulas])
        self.sizes = np.array([each.size for each in formulas])
        self.least = float(self.bits.min())
        self._found = np.empty(0)
        self._formulas = np.empty(0, np.int64)
        self._places = np.empty((0, number), np.int64)

    @property
    def worst(self) -> float:
        """Bits beyond which a rule is not kept."""
        return float(self._found[-1]) if len(self._found) == KEPT else np.inf

    def add(self, bits: Doubles, formulas: Counts, places: Counts) -> None:
        """Keep what is among the best; of equal ones, that of the first conditions."""
        bits = np.concatenate([self._found, bits])
        formulas = np.concatenate([self._formulas, formulas])
        places = np.concatenate([self._places, places])
        keys = (*places.T[::-1], self.sizes[formulas], np.round(bits, 6))
        order = np.lexsort(keys)[:KEPT]
        self._found, self._formulas = bits[order], formulas[order]
        self._places = places[order]

    def listed(self) -> Iterator[tuple[float, int, list[int]]]:
        """Bits, formula and conditions of each, the best first."""
        yield from zip(
            self._found.tolist(),
            self._formulas.tolist(),
            self._places.tolist(),
            strict=True,
        )


def _x_log_x(most: int) -> Doubles:
    """Compute x log2 x of every whole number up to ``most``; 0 of 0."""
    numbers = np.arange(most + 1, dtype=np.float64)
    numbers[1:] *= np.log2(numbers[1:])
    return numbers


def _packed(holds: Booleans) -> NDArray[np.uint64]:
    """Eight images a byte, eight bytes a word, the rest 0; shape (rows, words)."""
    packed = np.packbits(holds, axis=1)
    words = np.zeros((len(holds), -(-packed.shape[1] // 8) * 8), np.uint8)
    words[:, : packed.shape[1]] = packed
    return words.view(np.uint64)


def _count(words: NDArray[np.uint64]) -> Counts:
    """Bits that are set, over the last axis."""
    return np.asarray(np.bitwise_count(words).sum(axis=-1, dtype=np.int64))


def _to_cells(parts: Counts) -> Counts:
    """Images in each cell, from those that all conditions of each part hold of.

    Parameters
    ----------
    parts : int array, shape (sets, 2 ** number)
        By the part of the conditions, written in binary, whatever the others are.

    Returns
    -------
    int array of the same shape
        Where these conditions hold and the others do not (Möbius inversion).
    """
    cells = parts.copy()
    bit = 1
    while bit < cells.shape[1]:
        without = np.flatnonzero((np.arange(cells.shape[1]) & bit) == 0)
        cells[:, without] -= cells[:, without + bit]
        bit *= 2
    return cells
