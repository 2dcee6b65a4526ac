"""What was found in a file: faults one by one, and all of it as a download."""

from collections.abc import Sequence

import streamlit as st

from core.csv_text import csv_text
from core.importing.file_findings import FAULT, NOTE, WARNING, Finding, findings_table
from core.language import gettext
from core.text import mark_code, to_markdown

MARKS = {FAULT: ("error", ":material/error:"), WARNING: ("warning", ":material/help:")}


def show_findings(findings: Sequence[Finding], *, name: str) -> None:
    """Faults and warnings with their first rows; how the file was read below.

    Parameters
    ----------
    findings : sequence of Finding
    name : str
        Of the downloaded table, without its suffix.
    """
    for finding in findings:
        if finding.level != NOTE:
            _show_finding(finding)
    notes = [finding for finding in findings if finding.level == NOTE]
    if notes:
        with st.expander(gettext("How the file was read"), icon=":material/info:"):
            for note in notes:
                st.text(str(note))
    if len(notes) < len(findings):
        st.download_button(
            gettext("What was found (CSV)"),
            data=lambda: csv_text(findings_table(findings)),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=f"found_{name}",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )


def _show_finding(finding: Finding) -> None:
    """One finding; its text stays text, whatever the file has in it."""
    place, icon = MARKS[finding.level]
    box = st.error if place == "error" else st.warning
    lines = [f"**{to_markdown(finding.problem)}**"]
    lines += [f"- {to_markdown(place)}" for place in finding.places]
    if finding.count > len(finding.places) > 0:
        more = gettext("and {n} more", n=finding.count - len(finding.places))
        lines.append(f"- {more}")
    if finding.expected:
        expected = to_markdown(mark_code(finding.expected))
        lines.append("\n" + gettext("Expected: {expected}", expected=expected))
    if finding.remedy:
        remedy = to_markdown(mark_code(finding.remedy))
        lines.append("\n" + gettext("What to do: {remedy}", remedy=remedy))
    box("\n".join(lines), icon=icon)
