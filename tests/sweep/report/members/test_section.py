"""The section on members in the page."""

import re

from tests.sweep.members_study import MEMBERS
from tests.sweep.report.members.conftest import MembersReport


def test_the_section_has_its_place_and_its_pictures(members_report: MembersReport) -> None:
    page = members_report.page
    assert page.members is not None
    assert [name for name, _ in page.contents][:3] == ["figures", "members", "without-training"]
    titles = [[drawing.title for drawing in lead.drawings] for lead in page.members.maps]
    every = ["observed", "member 1", "member 2", "member 3"]
    every += [f"mean of all {MEMBERS}", f"spread of all {MEMBERS}"]
    assert titles == [every, every]
    assert [drawing.title for drawing in page.members.ranks] == [
        "Rank histogram of trial 1",
        "Rank histogram of dressed baseline",
        "Rank histogram of climatology",
    ]
    assert len(page.members.events) == 3  # two events, and the spread
    section = re.search(r'<section id="members">.*?</section>', members_report.html, re.DOTALL)
    assert section is not None
    assert section[0].count("<figure>") == page.members.pictures == 18
    assert members_report.html.count("<figure>") == page.pictures


def test_every_picture_of_members_says_what_it_shows(members_report: MembersReport) -> None:
    members = members_report.page.members
    assert members is not None
    drawings = [one for lead in members.maps for one in lead.drawings]
    for drawing in (*drawings, *members.ranks, *members.events):
        assert re.search(r"\d", drawing.alt), drawing.title
        assert bool(drawing.svg) != bool(drawing.light)


def test_what_needs_no_training_is_not_called_a_sharpener(members_report: MembersReport) -> None:
    page = members_report.page
    assert page.references is not None
    assert [row[0] for row in page.references.rows][1:3] == ["dressed baseline", "climatology"]
    assert "baseline dressed with errors" in page.references_sentence
    text = page.references_sentence + page.added_sentence + page.references.caption
    assert "sharpener" not in text
    assert "0 is perfect" not in members_report.html


def test_ids_of_charts_differ(members_report: MembersReport) -> None:
    ids = re.findall(r' id="([^"]+)"', members_report.html)
    assert len(ids) == len(set(ids))
