"""One slide of a story: what it shows, its claim, and what the speaker says."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import get_annotations
from operator import methodcaller
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from core.data.images import MAX_UPLOAD_BYTES
from core.errors import EquipoiseError
from core.evaluation.metrics import metric_info
from core.language import N_, gettext
from core.report.own_picture import clean_picture
from core.story.claims import propose_claims
from core.story.story import PHOTO, TEXT, Slide
from core.story.telling import Told, tell
from core.text import strong, to_markdown
from core.views.catalog import view_named
from core.views.drawing import View
from core.views.loads import load_comparison
from core.views.studies import open_study
from core.views.study_view import StudyView
from pages.defense.packing import own_name
from pages.defense.slides import (
    show_doubt,
    show_picture,
    show_plain,
    show_text,
)
from pages.shell.show import show_error
from pages.shell.story import Work, edit
from pages.shell.upload_key import upload_key

# Where a parameter has no value of its own.
USUAL = N_("As usual")
# What a reader calls the parameters of views, and their options.
PARAMETERS = {
    "across": N_("Across"),
    "agree": N_("Agree"),
    "alpha": N_("Alpha"),
    "among": N_("Among"),
    "beside": N_("Beside"),
    "by": N_("By"),
    "category": N_("Category"),
    "change": N_("Change"),
    "class_name": N_("Class name"),
    "classes": N_("Classes"),
    "column": N_("Column"),
    "columns": N_("Columns"),
    "cost": N_("Cost"),
    "count": N_("Count"),
    "each_seed": N_("Each seed"),
    "feature": N_("Feature"),
    "features": N_("Sensitive features"),
    "first": N_("First"),
    "gap": N_("Gap"),
    "given": N_("Given"),
    "images": N_("Images"),
    "k": N_("K"),
    "kind": N_("Kind"),
    "margin": N_("Margin"),
    "method": N_("Method"),
    "metric": N_("Metric"),
    "most": N_("Most"),
    "order": N_("Order"),
    "other": N_("Other"),
    "picture": N_("Picture"),
    "positive": N_("Positive"),
    "predicted": N_("Predicted"),
    "proposed": N_("Proposed"),
    "rows": N_("Rows"),
    "run": N_("Run"),
    "sampler": N_("Sampler"),
    "scale": N_("Scale"),
    "score": N_("Score"),
    "second": N_("Second"),
    "seed": N_("Seed"),
    "share": N_("Share"),
    "show": N_("Show"),
    "side": N_("Side"),
    "sign": N_("Sign"),
    "small": N_("Small"),
    "split": N_("Split"),
    "task": N_("Task"),
    "thresholds": N_("Thresholds"),
    "tried": N_("Tried"),
    "truth": N_("Truth"),
    "where": N_("Where"),
    "zoom": N_("Zoom"),
}
OPTIONS = {
    "automatic": N_("automatic"),
    "linear": N_("linear"),
    "logarithmic": N_("logarithmic"),
    "f1": N_("f1"),
    "recall": N_("recall"),
    "all": N_("all"),
    "rarest": N_("rarest classes"),
    "hardest": N_("hardest classes"),
    "largest": N_("largest classes"),
    "shares": N_("shares"),
    "counts": N_("counts"),
    "probability": N_("probability"),
    "study": N_("study"),
    "training": N_("training"),
    "confusion": N_("confusion"),
    "roc": N_("roc"),
    "pr": N_("pr"),
    "signed": N_("signed"),
    "absolute": N_("absolute"),
    "one": N_("one"),
    "gained": N_("gained"),
    "lost": N_("lost"),
}
# In the session: pictures that slides have got, by what the uploader calls them.
_TAKEN = "defense_pictures_taken"
# Claims that are proposed at once.
PROPOSED = 6


def edit_slide(work: Work) -> None:
    """Show the slide that is chosen, and let its words and its view be changed."""
    slide = work.slide
    assert slide is not None
    told = tell(work.story, slide)
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(border=True, key="defense_shown"):
        _show(work, told)
    with right:
        _edit_words(work, told)
        if slide.is_view:
            with st.expander(gettext("What the slide shows"), icon=":material/tune:"):
                _edit_view(work, told)


def _show(work: Work, told: Told) -> None:
    """The slide as it will be, smaller."""
    if told.title and told.title != told.heading:
        st.caption(to_markdown(told.title))
    heading, rest = told.said
    if heading:
        st.markdown(f"### {to_markdown(heading)}")
    if rest:
        st.markdown(to_markdown(rest))
    show_doubt(told)
    if told.problem is not None:
        show_error(told.problem)
    elif told.slide.view == TEXT:
        show_text(told.slide)
        show_picture(work, told.slide)
    elif told.slide.view == PHOTO:
        st.markdown(
            gettext(
                "While the story is presented, a photo that is dropped here is answered"
                " by every method. It stays in the memory of this server."
            )
        )
    elif told.drawn is not None:
        show_plain(told.drawn, key="defense_shown")
        if told.drawn.note:
            st.caption(to_markdown(told.drawn.note))


def _edit_words(work: Work, told: Told) -> None:
    slide = told.slide
    _text(
        work,
        "claim",
        gettext("Claim"),
        st.text_area,
        placeholder=told.claim,
        height=100,
    )
    if slide.claim and told.check is not None and not told.check.needs_mark:
        st.caption(to_markdown(told.check.mark or told.check.reason))
    if told.drawn is not None:
        _propose(work, told)
    _text(work, "title", gettext("Title"), st.text_input, placeholder=told.title)
    if slide.view == TEXT:
        _text(
            work,
            "text",
            gettext("Words"),
            st.text_area,
            height=180,
            help=gettext("Markdown: # for a heading, - for a list, ** for bold."),
        )
        _give_picture(work)
    _text(
        work,
        "notes",
        gettext("Notes for the speaker"),
        st.text_area,
        height=130,
        placeholder=gettext("The jury does not see them."),
    )


def _text(work: Work, part: str, label: str, draw: Any, **widget: Any) -> None:
    """A field for one part of the slide, which always holds what the story has."""
    key = f"defense_{part}"
    st.session_state[key] = getattr(work.slide, part)
    draw(
        label,
        key=key,
        on_change=_typed,
        args=(work.token, work.at, part, key),
        **widget,
    )


def _typed(token: str, at: int, part: str, key: str) -> None:
    edit(token, lambda work: work.with_slide(**{part: st.session_state[key]}), at)


def _propose(work: Work, told: Told) -> None:
    """Claims that the numbers bear out, each a click away."""
    assert told.view is not None
    assert told.drawn is not None
    try:
        proposed = propose_claims(told.view, told.drawn)
    except EquipoiseError:
        # Without a run of the baseline, for one, nothing is compared.
        return
    claims = [claim for claim in proposed if claim != told.slide.claim]
    if not claims:
        return
    with st.expander(
        gettext("Claims that the numbers bear out"), icon=":material/fact_check:"
    ):
        for number, claim in enumerate(claims[:PROPOSED]):
            st.button(
                to_markdown(claim),
                key=f"defense_claim_{number}",
                type="tertiary",
                icon=":material/add_comment:",
                wrap=True,
                on_click=edit,
                args=(work.token, partial(Work.with_slide, claim=claim), work.at),
            )


def _give_picture(work: Work) -> None:
    given = st.file_uploader(
        gettext("Picture"),
        type=["png", "jpg", "jpeg"],
        key=upload_key(f"defense_picture_{work.at}"),
        max_upload_size=MAX_UPLOAD_BYTES // 2**20,
    )
    # Once for each file: neither undoing nor another slide here gives it again.
    taken = st.session_state.setdefault(_TAKEN, set())
    if given is None or given.file_id in taken:
        return
    try:
        picture = clean_picture(given.getvalue(), given.name)
        name = own_name(picture)
        edit(work.token, methodcaller("with_picture", name, picture.content), work.at)
    except EquipoiseError as error:
        show_error(error)
        return
    taken.add(given.file_id)
    st.rerun()


def _edit_view(work: Work, told: Told) -> None:
    """Methods, seeds, baseline and the view's own parameters."""
    slide = told.slide
    try:
        whole = open_study(slide.study or work.story.study, other=slide.beside)
        asked = view_named(slide.view)
    except EquipoiseError as error:
        show_error(error)
        return
    if slide.study:
        title = strong(gettext(whole.study.title))
        st.caption(to_markdown(gettext("Of the study {study}.", study=title)))
    if not slide.beside:
        _one(
            work,
            "baseline",
            gettext("Compared with"),
            [whole.study.baseline, *_others(whole)],
            whole.labels,
            usual=whole.study.baseline,
        )
    _several(work, "methods", gettext("Methods"), _others(whole), whole.labels)
    seeds = {str(seed): str(seed) for seed in whole.seeds}
    _several(work, "seeds", gettext("Seeds"), list(seeds), seeds)
    for name in asked.defaults:
        _parameter(work, asked, whole, name)


def _others(view: StudyView) -> list[str]:
    return [method for method in view.methods if method != view.baseline]


def _one(
    work: Work,
    part: str,
    label: str,
    options: list[str],
    labels: Mapping[str, str],
    *,
    usual: str,
) -> None:
    key, now = f"defense_{part}", getattr(work.slide, part) or usual
    st.session_state[key] = now if now in options else usual

    def changed(slide: Slide) -> dict[str, Any]:
        chosen = st.session_state[key]
        return {part: "" if chosen == usual else chosen}

    st.selectbox(
        label,
        options,
        format_func=lambda option: labels.get(option, option),
        key=key,
        on_change=_chosen,
        args=(work.token, work.at, changed),
    )


def _several(
    work: Work, part: str, label: str, options: list[str], labels: Mapping[str, str]
) -> None:
    """Any of several; all of them, or none, is as usual."""
    key, now = f"defense_{part}", [str(each) for each in getattr(work.slide, part)]
    st.session_state[key] = [o for o in options if o in now] if now else options

    def changed(slide: Slide) -> dict[str, Any]:
        chosen = [option for option in options if option in st.session_state[key]]
        return {part: () if chosen == options else tuple(chosen)}

    st.pills(
        label,
        options,
        selection_mode="multi",
        format_func=lambda option: to_markdown(labels[option]),
        key=key,
        on_change=_chosen,
        args=(work.token, work.at, changed),
    )


def _parameter(work: Work, asked: View, view: StudyView, name: str) -> None:
    """One parameter of the view, by the widget that its kind asks for."""
    assert work.slide is not None
    default = asked.defaults[name]
    now = work.slide.parameters.get(name, default)
    if not _fits(now, default):
        # The slide says so itself; a widget cannot hold it.
        now = default
    key = f"defense_parameter_{asked.name}_{name}"
    label = gettext(PARAMETERS[name])
    options = _options(asked, view, name, work.slide)
    if isinstance(default, float):
        now = float(now)
    st.session_state[key] = ", ".join(now) if isinstance(now, tuple) else now

    def changed(slide: Slide) -> dict[str, Any]:
        value = st.session_state[key]
        if isinstance(default, tuple):
            value = tuple(filter(None, map(str.strip, value.split(","))))
        given = {**slide.parameters, name: value}
        return {"parameters": {n: v for n, v in given.items() if v != default}}

    widget: dict[str, Any] = {
        "key": key,
        "on_change": _chosen,
        "args": (work.token, work.at, changed),
    }
    if options:
        values = list(dict.fromkeys((default, now, *options)))
        st.selectbox(
            label,
            values,
            format_func=lambda v: options.get(v, v) or gettext(USUAL),
            **widget,
        )
    elif isinstance(default, bool):
        st.toggle(label, **widget)
    elif isinstance(default, int | float):
        st.number_input(label, **widget)
    else:
        st.text_input(label, placeholder=gettext(USUAL), **widget)


def _fits(value: Any, default: Any) -> bool:
    """Whether a parameter, which may come from a file, is of its default's kind."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _options(asked: View, view: StudyView, name: str, slide: Slide) -> dict[Any, str]:
    """What can be chosen for a parameter, with labels; empty where that is open."""
    kind = get_annotations(asked.draw, eval_str=True)[name]
    if get_origin(kind) is Literal:
        return {value: gettext(OPTIONS[value]) for value in get_args(kind)}
    if name == "task":
        return {task.name: gettext(task.label) for task in view.tasks}
    if name == "method":
        return {method: view.labels[method] for method in view.methods}
    if name == "metric":
        try:
            known = load_comparison(view).table["metric"].unique()
        except EquipoiseError:
            return {}
        return {key: metric_info(key, view.tasks).label for key in known}
    return {}


def _chosen(token: str, at: int, changed: Callable[[Slide], dict[str, Any]]) -> None:
    def deed(work: Work) -> Work:
        assert work.slide is not None
        return work.with_slide(**changed(work.slide))

    edit(token, deed, at)
