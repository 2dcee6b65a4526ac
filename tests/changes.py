"""Runs of two methods on the same images, and what changed between them."""

import numpy as np

from core.evaluation.alignment import align_predictions
from core.evaluation.answers import collect_answers, describe_images
from core.evaluation.changed import change_of
from core.evaluation.image_errors import image_scores
from tests.oracles import draw_table


def tables_of(task, seeds, rows=160, rng_seed=3):
    """Runs of methods with so many seeds each, on the same images."""
    rng = np.random.default_rng(rng_seed)
    first = draw_table(rng, task, rows)
    shared = ["image_id", "shape", "size", f"{task.name}_true"]
    tables = {}
    for method, count in seeds.items():
        for seed in range(count):
            table = draw_table(rng, task, rows)
            table[shared] = first[shared]
            tables[method, seed] = table
    return tables


def changed(tables, task, first="a", second="b"):
    aligned = align_predictions(tables, [task], "a")
    images = describe_images(tables, [task], ["shape", "size"], "a")
    answers = collect_answers(aligned, task, images["image_id"].to_numpy())
    scores = image_scores(aligned, task)
    return change_of(answers, scores, first, second), answers, images
