"""What the methods answer for one photo, and the downloads of it all."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pandas as pd
import streamlit as st

from core.csv_text import csv_text
from core.evaluation.conformal import COVERAGE
from core.language import gettext, language, ngettext
from core.plots import predict as plots
from core.predictor import Disagreement, FaceAnswers, PhotoResult, disagreements
from core.results.prediction_intervals import held_note
from core.runs import data_report
from core.tasks import Classification, Regression, Task
from core.text import NO_BREAK, listed, number, percent, strong, to_markdown
from core.views.drawing import Drawn, finished
from core.views.study_view import StudyView
from pages.shell.show import open_card, show_static_table, show_view

# In the session: photos whose faces are all answered for, by key.
ALL_FACES = "predict_all_faces"
# In the session: what was drawn of answers, by the photo's key and more.
DRAWN_KEPT = "predict_drawn"
# Above it a share is rounded to 100 %, which no detector is sure.
_NEARLY_CERTAIN = 0.99


@dataclass(frozen=True)
class Shown:
    """What of the answers is shown: tasks and methods; and where truths lie.

    ``moves`` says how far answers move (``plots.stability.moves_in_words``).
    ``over_seeds`` says whether answers are means over the models of several seeds, and
    ``calibrated`` whether their probabilities may be believed.
    """

    view: StudyView
    tasks: tuple[Task, ...]
    methods: tuple[str, ...]
    expected: Mapping[str, pd.DataFrame]
    moves: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    over_seeds: bool = False
    calibrated: str = ""

    def answers_of(self, face: FaceAnswers) -> dict:
        """The answers of the methods and tasks that are shown, and no others."""
        names = [task.name for task in self.tasks]
        return {
            method: {name: face.answers[method][name] for name in names}
            for method in self.methods
        }

    def disagreements_on(self, face: FaceAnswers) -> dict[str, Disagreement]:
        """How far the shown methods are apart on each shown task, if they answered."""
        if face.withheld:
            return {}
        return disagreements(self.answers_of(face), self.tasks)


def choose_tasks(view: StudyView) -> tuple[Task, ...]:
    """Tasks that are answered: those to opt in to only when switched on."""
    opted_in = []
    for task in view.tasks:
        if task.name in view.dataset.opt_in:
            report = data_report(view.study.name) or {}
            noise = ((report.get("twins") or {}).get("label_noise") or {}).get(
                f"{task.name}_disagreement"
            )
            with st.container(border=True):
                label = gettext("Show {task} as well", task=gettext(task.label).lower())
                on = st.toggle(to_markdown(label), key=f"predict_show_{task.name}")
                said = [gettext(view.dataset.opt_in[task.name])]
                if noise is not None:
                    said.append(
                        gettext(
                            "Two labels of one photo differ in {share}.",
                            share=percent(noise),
                        )
                    )
                st.caption(to_markdown(" ".join(said)))
            if on:
                opted_in.append(task.name)
    return view.dataset.answered_tasks(opted_in)


def choose_mirrored() -> bool:
    """Whether every answer is averaged with that to the mirror image."""
    return st.toggle(
        gettext("Average in the mirror image"),
        key="predict_mirrored",
        help=gettext(
            "Each method also answers for the picture with left and right swapped, and "
            "gives the mean of both. That takes about as long again; how long stands "
            "below the photo. What is said of where the truth lies was measured "
            "without."
        ),
    )


def show_photo(key: str, result: PhotoResult, shown: Shown) -> FaceAnswers:
    """Show a photo with its faces boxed, and the answers for one of them.

    Returns
    -------
    FaceAnswers
        The face that was chosen; of a photo without faces, all of it.
    """
    count = len(result.faces)
    left, right = st.columns([2, 5], gap="large")
    with left:
        st.image(
            result.image,
            width="stretch",
            alt=ngettext(
                "{photo} with {count} face boxed and numbered",
                "{photo} with {count} faces boxed and numbered",
                count,
                photo=result.photo,
            )
            if shown.view.dataset.of_faces
            else result.photo,
        )
        st.caption(_latency(result, shown))
        if result.note:
            st.caption(to_markdown(result.note))
    with right:
        answered = [face for face in result.faces if not face.withheld]
        face = (answered or result.faces)[0]
        if count > 1:
            st.markdown(
                to_markdown(
                    gettext(
                        "{faces}, numbered from left to right.",
                        faces=strong(ngettext("{count} face", "{count} faces", count)),
                    )
                )
            )
            show_summary(key, result, shown)
            chosen = st.pills(
                gettext("Face"),
                [face.number for face in result.faces],
                default=face.number,
                required=True,
                key=f"predict_face_{key}",
            )
            face = result.faces[int(chosen) - 1]
        show_face(key, face, shown)
    if not face.withheld:
        show_figures(key, face, shown)
    return face


def show_summary(key: str, result: PhotoResult, shown: Shown) -> None:
    """One row a face: what the methods say together, and where they disagree."""
    rows = []
    for face in result.faces:
        apart = shown.disagreements_on(face)
        rows.append(
            {
                gettext("Face"): str(face.number),
                **{
                    gettext(task.label): _in_short(apart.get(task.name), task)
                    for task in shown.tasks
                },
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key=f"predict_summary_{key}",
        alt=gettext(
            "What all methods answer for each face of {photo}", photo=result.photo
        ),
        height="content" if len(rows) <= 6 else 260,
    )
    st.caption(gettext("≠ marks what the methods disagree on."))


def _in_short(apart: Disagreement | None, task: Task) -> str:
    """What all say on a task, without its label, which stands above."""
    if apart is None:
        return gettext("withheld")
    said = apart.sentence
    for label in dict.fromkeys((task.label, gettext(task.label))):
        said = said.removeprefix(label)
    said = said.lstrip(f"{NO_BREAK}: ")
    return f"≠ {said}" if apart.stands_out else said


def show_face(key: str, face: FaceAnswers, shown: Shown) -> None:
    """One row a method for one face, and whether the methods agree."""
    apart = [d for d in shown.disagreements_on(face).values() if d.stands_out]
    what = gettext("The picture")
    if shown.view.dataset.of_faces:
        what = gettext("Face {number}", number=face.number)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(
            face.pixels,
            width=120,
            alt=gettext("{what} as the methods see it", what=what),
        )
        with st.container():
            seen = gettext("{what} as the methods see it", what=strong(what))
            confidence = face.quality.confidence
            if confidence is not None:
                share = percent(confidence)
                if confidence > _NEARLY_CERTAIN:
                    share = gettext("over {share}", share=percent(_NEARLY_CERTAIN))
                seen = gettext(
                    "{seen} (the detector is {share} sure)", seen=seen, share=share
                )
            st.markdown(to_markdown(seen))
            if face.rotation:
                st.caption(
                    gettext(
                        "No face stands upright in this photo. This one was found "
                        "after the photo was turned by {angle}° clockwise.",
                        angle=str(face.rotation),
                    )
                )
            sizes = sorted({len(pixels) for pixels in face.seen.values()})
            if len(sizes) > 1:
                st.caption(
                    to_markdown(
                        gettext(
                            "Drawn with {size} pixels a side; by their settings the "
                            "methods see {sizes}.",
                            size=str(sizes[-1]),
                            sizes=listed([str(size) for size in sizes]),
                        )
                    )
                )
            if face.withheld:
                st.badge(gettext("answers withheld"), color="orange")
            elif len(shown.methods) < 2:
                st.badge(gettext("one method only"), color="gray")
            elif apart:
                names = to_markdown(
                    ", ".join(gettext(d.task.label).lower() for d in apart)
                )
                said = gettext("The methods disagree on {tasks}", tasks=names)
                # A badge would cut its text on a phone.
                st.markdown(f":orange[:material/warning: {said}]")
            else:
                agree = gettext("The methods agree")
                st.badge(agree, icon=":material/check:", color="green")
    if face.reason:
        st.warning(to_markdown(face.reason), icon=":material/zoom_in:")
    if face.withheld:
        st.button(
            gettext("Answer all the same"),
            key=f"{ALL_FACES}_{key}",
            on_click=_answer_all_faces,
            args=(key,),
        )
        return
    show_static_table(
        plots.describe_answers(
            shown.answers_of(face),
            shown.tasks,
            shown.expected,
            shown.view.labels,
            shown.moves,
        ),
        name=f"predict_answers_{key}_{face.number}",
        takeaway=" ".join(d.sentence for d in shown.disagreements_on(face).values()),
        download=partial(
            plots.tabulate_answers,
            shown.answers_of(face),
            shown.tasks,
            shown.expected,
        ),
        note=_what_is_written(shown),
    )


def _answer_all_faces(key: str) -> None:
    """Remember that every face of a photo is to be answered for."""
    st.session_state.setdefault(ALL_FACES, set()).add(key)


def show_figures(key: str, face: FaceAnswers, shown: Shown) -> None:
    """One chart a task for one face; of many classes one a method."""
    many = [t for t in shown.tasks if not _fits_beside(t)]
    beside = [t for t in shown.tasks if _fits_beside(t)]
    name = f"{key}_{face.number}"
    places = st.columns(len(beside)) if beside else []
    for place, task in zip(places, beside, strict=True):
        with place:
            if isinstance(task, Regression):
                _show_values(name, face, task, shown)
            else:
                _show_probabilities(name, face, task, shown)
    for task in many:
        _show_top_classes(name, face, task, shown)


def _fits_beside(task: Task) -> bool:
    return isinstance(task, Regression) or len(task.classes) <= plots.TOP


def _show_values(name: str, face: FaceAnswers, task: Regression, shown: Shown) -> None:
    view = shown.view

    def draw() -> Drawn:
        values = plots.tabulate_values(
            shown.answers_of(face), task, shown.expected[task.name]
        )
        apart = shown.disagreements_on(face)[task.name]
        held = held_note(shown.expected[task.name], shown.methods)
        span = (
            gettext("Grey: from the lowest to the highest answer.")
            if len(values) > 1
            else ""
        )
        return Drawn(
            title=gettext("{task}, by method", task=gettext(task.label)),
            name=f"predict_{task.name}_{name}",
            takeaway=plots.takeaway_values(
                values, task, view.labels, stands_out=apart.stands_out
            ),
            figures={task.name: plots.plot_values(values, task, view.look)},
            data=values,
            note=" ".join(filter(None, (span, held))),
        )

    _show_once(name, face, task, shown, draw)


def _show_probabilities(
    name: str, face: FaceAnswers, task: Classification, shown: Shown
) -> None:
    labels, label = shown.view.labels, gettext(task.label)

    def draw() -> Drawn:
        shares = plots.tabulate_probabilities(shown.answers_of(face), task)
        return Drawn(
            title=gettext("{task}, by method", task=label),
            name=f"predict_{task.name}_{name}",
            takeaway=plots.takeaway_probabilities(shares, label, labels),
            figures={task.name: plots.plot_probabilities(shares, label, labels)},
            data=shares.rename_axis("method").reset_index(),
            note=f"{_probabilities(shown)} {shown.calibrated}".strip(),
        )

    _show_once(name, face, task, shown, draw)


def _probabilities(shown: Shown) -> str:
    if shown.over_seeds:
        return gettext("Probability of each class, mean over seeds.")
    return gettext("Probability of each class.")


def _show_top_classes(
    name: str, face: FaceAnswers, task: Classification, shown: Shown
) -> None:
    view = shown.view

    def draw() -> Drawn:
        shares = plots.tabulate_probabilities(shown.answers_of(face), task)
        return Drawn(
            title=gettext("{task}, by method", task=gettext(task.label)),
            name=f"predict_{task.name}_{name}",
            takeaway=plots.takeaway_probabilities(
                shares, gettext(task.label), view.labels
            ),
            figures={
                view.labels[method]: plots.plot_top_classes(
                    row, title=view.labels[method], colour=view.styles[method].colour
                )
                for method, row in shares.iterrows()
            },
            data=shares.rename_axis("method").reset_index(),
            note=f"{_most_probable(task, shown)} {shown.calibrated}".strip(),
            column_width=270,
        )

    _show_once(name, face, task, shown, draw)


def _show_once(
    name: str, face: FaceAnswers, task: Task, shown: Shown, draw: Callable[[], Drawn]
) -> None:
    """Show what was drawn of these answers before; it is kept for this visitor alone.

    The answers are the same object as long as nothing is asked anew.
    """
    kept = st.session_state.setdefault(DRAWN_KEPT, {})
    photo, _, number = name.rpartition("_")
    place = (photo, number, task.name, shown.view.cache_key, language())
    of, drawn = kept.get(place, (None, None))
    if of is not face:
        drawn = finished(draw())
        kept[place] = (face, drawn)
    with open_card(key=f"card_{drawn.name}") as card:
        show_view(drawn, card=card)


def _most_probable(task: Classification, shown: Shown) -> str:
    fields = {"top": plots.TOP, "count": len(task.classes)}
    if shown.over_seeds:
        return gettext(
            "The {top} most probable of {count} classes by each method, mean over "
            "seeds; the file holds them all.",
            **fields,
        )
    return gettext(
        "The {top} most probable of {count} classes by each method; the file holds "
        "them all.",
        **fields,
    )


def _what_is_written(shown: Shown) -> str:
    """What the signs in the table of answers mean."""
    parts = []
    if any(isinstance(task, Regression) for task in shown.tasks):
        parts.append(
            gettext(
                "In brackets: where the truth lies in {share} of such answers.",
                share=percent(COVERAGE),
            )
        )
    if any(not isinstance(task, Regression) for task in shown.tasks):
        parts += [
            gettext("%: the method's probability for its answer, mean over seeds.")
            if shown.over_seeds
            else gettext("%: the method's probability for its answer."),
            gettext("≠: not what most methods say."),
            shown.calibrated,
        ]
    if any(shown.moves.values()):
        parts.append(
            gettext(
                "Moves, flips: how far such a number moves on average, and how often "
                "such a class becomes another, when a picture is harmlessly changed: a "
                "mean over the test images and over a fixed list of changes (see "
                "Overview). The answers for one photo can move further."
            )
        )
    return " ".join(filter(None, parts))


def offer_answers(results: Sequence[PhotoResult], shown: Shown) -> None:
    """Offer all answers of all photos as CSV and JSON; only what is shown."""
    with st.container(horizontal=True):
        st.download_button(
            gettext("All answers (CSV)"),
            data=lambda: csv_text(_as_table(results, shown)),
            file_name="answers.csv",
            mime="text/csv",
            key="predict_csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            gettext("All answers (JSON)"),
            data=lambda: json.dumps(_as_json(results, shown), indent=1),
            file_name="answers.json",
            mime="application/json",
            key="predict_json",
            icon=":material/download:",
            on_click="ignore",
        )


def _as_table(results: Sequence[PhotoResult], shown: Shown) -> pd.DataFrame:
    """One row an answer; one of a face without answers, and of a photo that failed."""
    rows: list[dict] = []
    for result in results:
        photo = {"photo": result.photo, "error": result.error, "note": result.note}
        rows += [photo] if not result.faces else []
        for face in result.faces:
            found = {
                **photo,
                "face": face.number,
                "rotation_degrees": face.rotation,
                **face.quality.as_row(),
                "withheld": face.withheld,
                "reason": face.reason,
            }
            answers = {} if face.withheld else shown.answers_of(face)
            table = plots.tabulate_answers(answers, shown.tasks, shown.expected)
            rows += [{**found, **row} for row in table.to_dict("records") or [{}]]
    whole = ["face", "rotation_degrees", "width_px"]
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(table.columns.intersection(whole), "Int64"))


def _as_json(results: Sequence[PhotoResult], shown: Shown) -> list[dict]:
    tasks = [task.name for task in shown.tasks]
    return [result.as_dict(tasks, shown.methods) for result in results]


def _latency(result: PhotoResult, shown: Shown) -> str:
    """How long each step took."""
    times = result.timings
    fields = {
        "total": number(times.total_ms, 0),
        "decode": number(times.decode_ms, 0),
        "detect": number(times.detect_ms, 0),
        "align": number(times.align_ms, 0),
        "answer": number(times.answer_ms, 0),
    }
    if shown.view.dataset.of_faces:
        said = gettext(
            "**{total} ms** in all: decode {decode}, find faces {detect}, align "
            "{align}, answer by all methods {answer} ms",
            **fields,
        )
    else:
        said = gettext(
            "**{total} ms** in all: decode {decode}, resize {align}, answer by all "
            "methods {answer} ms",
            **fields,
        )
    if times.mirrored_ms:
        mirrored = number(times.mirrored_ms, 0)
        said = gettext(
            "{said}, {mirrored} of these for mirror images",
            said=said,
            mirrored=mirrored,
        )
    return f":material/timer: {said}."
