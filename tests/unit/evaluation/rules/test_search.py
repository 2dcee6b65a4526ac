"""Planted rules are found, noise or not, and nothing is found where nothing is."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from core.evaluation.rules.conditions import list_conditions
from core.evaluation.rules.search import search_rules

ROWS = 2000


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    flags = {
        name: rng.random(ROWS) < share
        for name, share in (("hat", 0.2), ("beard", 0.3), ("smile", 0.5), ("ring", 0.4))
    }
    return pd.DataFrame(
        {
            **flags,
            "hair": rng.choice(["short", "long", "curly"], ROWS, p=[0.5, 0.3, 0.2]),
            "group": rng.choice(["A", "B"], ROWS),
            "age": rng.integers(1, 80, ROWS),
            "greying": rng.beta(0.5, 0.5, ROWS),
        }
    )


def flipped(labels: np.ndarray, share: float) -> np.ndarray:
    return labels ^ (np.random.default_rng(9).random(len(labels)) < share)


PLANTED = {
    "beard": lambda t: t["beard"],
    "not smile": lambda t: ~t["smile"],
    "group = B": lambda t: t["group"] == "B",
    "hair = curly": lambda t: t["hair"] == "curly",
    "hair ≠ long": lambda t: t["hair"] != "long",
    "age ≥ 30": lambda t: t["age"] >= 30,
    "greying < 0.5": lambda t: t["greying"] < 0.5,
    "hat or beard": lambda t: t["hat"] | t["beard"],
    "not hat and smile": lambda t: ~t["hat"] & t["smile"],
    "hat or greying ≥ 0.5": lambda t: t["hat"] | (t["greying"] >= 0.5),
    "age ≥ 20 and age < 60": lambda t: t["age"].between(20, 59),
    "hat or beard or ring": lambda t: t["hat"] | t["beard"] | t["ring"],
    "hat or (beard and not smile)": lambda t: t["hat"] | (t["beard"] & ~t["smile"]),
    "smile and (hair = long or age ≥ 50)": lambda t: (
        t["smile"] & ((t["hair"] == "long") | (t["age"] >= 50))
    ),
}


@pytest.mark.parametrize("noise", [0.0, 0.15])
@pytest.mark.parametrize("text", PLANTED)
def test_a_planted_rule_is_found(people, text, noise):
    labels = flipped(PLANTED[text](people).to_numpy(), noise)
    found = search_rules(people, labels).best
    assert found is not None
    words = [part.strip(" ()") for part in found.text.replace(" or ", "|").split("|")]
    expected = [part.strip(" ()") for part in text.replace(" or ", "|").split("|")]
    # Parts of an or, and of an and, may stand in another order.
    same = (found.holds(people) == PLANTED[text](people)).mean()
    if noise == 0:
        assert same == 1
        assert sorted(" ".join(sorted(w.split(" and "))) for w in words) == sorted(
            " ".join(sorted(w.split(" and "))) for w in expected
        )
    assert same > 0.995
    assert len(found.conditions) == text.count(" or ") + text.count(" and ") + 1


def test_either_or_is_found(people):
    labels = (people["hat"] ^ people["ring"]).to_numpy()
    found = search_rules(people, labels).best
    assert found.columns == {"hat", "ring"}
    assert (found.holds(people) == labels).all()
    assert found.formula.size == 4


def test_noise_in_one_group_adds_nothing_to_the_rule(people):
    labels = (people["hat"] | people["beard"]).to_numpy()
    noisy = np.where(people["group"] == "B", flipped(labels, 0.3), labels)
    assert search_rules(people, noisy).best.text == "hat or beard"


def test_labels_that_nothing_explains_have_no_rule(people):
    labels = np.random.default_rng(1).random(ROWS) < 0.3
    search = search_rules(people, labels)
    assert search.best is None
    assert all(rule.bits >= search.plain_bits for rule in search.ranked)


def test_a_rule_holds_where_the_label_is_likelier(people):
    labels = flipped(people["hat"].to_numpy(), 0.4)
    for rule in search_rules(people, labels).ranked:
        says = rule.holds(people)
        assert labels[says].mean() >= labels[~says].mean() - 1e-12


def test_of_two_equal_attributes_the_first_explains(people):
    table = people.assign(copy=people["hat"])
    search = search_rules(table, people["hat"].to_numpy())
    assert search.best.text == "hat"
    assert search.runners_up(3)[0].text == "copy"


def test_an_implied_attribute_makes_no_rule_longer(people):
    # Who has grey hair is old: the second condition is true whenever the first is.
    table = people.assign(old=people["hat"] | people["ring"])
    search = search_rules(table, people["hat"].to_numpy())
    assert search.best.text == "hat"
    longer = [rule for rule in search.ranked if "hat" in rule.columns][1:]
    assert all(rule.bits > search.best.bits for rule in longer)


def test_runners_up_are_of_other_attributes_or_another_length(people):
    labels = flipped((people["hat"] | people["beard"]).to_numpy(), 0.1)
    search = search_rules(people, labels)
    others = search.runners_up(4)
    assert search.best not in others
    assert {len(rule.conditions) for rule in others} >= {1, 3}
    assert [rule.bits for rule in others] == sorted(rule.bits for rule in others)
    sets = [rule.columns for rule in (search.best, *others)]
    assert len(set(sets)) == len(sets)


def brute_force(table: pd.DataFrame, labels: np.ndarray) -> float:
    """Fewest bits over two flags, every truth table counted one by one."""
    flags = list(table)
    least = np.inf
    rows = len(labels)

    def data_bits(says: np.ndarray) -> float:
        total = np.log2(rows)
        for side in (says, ~says):
            share = labels[side].mean() if side.any() else 0.0
            parts = [p * np.log2(p) for p in (share, 1 - share) if p > 0]
            total -= side.sum() * sum(parts)
        return total

    for name in flags:
        least = min(least, data_bits(table[name].to_numpy()) + np.log2(len(flags)) + 1)
    for first, second in combinations(flags, 2):
        a, b = table[first].to_numpy(), table[second].to_numpy()
        for signs in product([False, True], repeat=2):
            both = (a ^ signs[0]) & (b ^ signs[1])
            bits = data_bits(both) + 2 * np.log2(len(flags)) + 2 * np.log2(4) + 2
            least = min(least, bits)
    return least


def test_bits_are_those_counted_one_by_one(people):
    table = people[["hat", "beard", "smile", "ring"]]
    labels = flipped((people["hat"] & ~people["ring"]).to_numpy(), 0.1)
    best = search_rules(table, labels).best
    assert len(best.conditions) == 2
    assert best.bits == pytest.approx(brute_force(table, labels))


def test_every_set_is_tried():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((500, 6)) < 0.5, columns=list("uvwxyz"))
    search = search_rules(table, rng.random(500) < 0.5)
    assert search.tried == 6 + 15 + 20
    assert len(list_conditions(table).listed) == 6


@pytest.mark.parametrize("labels", [np.zeros(ROWS, bool), np.ones(ROWS, bool)])
def test_labels_that_are_all_the_same_have_no_rule(people, labels):
    search = search_rules(people, labels)
    assert search.ranked == ()
    assert search.best is None
    assert search.runners_up(3) == ()


@pytest.mark.parametrize("columns", [1, 2])
def test_few_attributes_will_do(people, columns):
    table = people[["hat", "beard"][:columns]]
    assert search_rules(table, people["hat"].to_numpy()).best.text == "hat"


def test_attributes_that_do_not_differ_make_no_rule(people):
    table = pd.DataFrame({"same": np.ones(ROWS, bool)})
    search = search_rules(table, people["hat"].to_numpy())
    assert (search.ranked, search.left_out) == ((), ("same",))
