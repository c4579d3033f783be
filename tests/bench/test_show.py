from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import page, profile
from bench.contenders import CONTENDERS, FLOOR, STEPS
from bench.page import with_block
from bench.plot import draw
from bench.results import Results, Sample, Skipped, Spread
from bench.table import render


@pytest.fixture
def results(machine: dict[str, object]) -> Results:
    """Two contenders, two sizes, two runs of each step."""
    dynamic = Sample(
        contender="dynamic resource",
        size=1,
        latency=0,
        step="create",
        seconds=3.0,
        requests={"POST acquireAccessToken": 1, "token": 1},
        connections=2,
        memory=80 << 20,
        state=3000,
        state_without_positions=2000,
    )
    floor = replace(dynamic, contender=FLOOR, requests={}, connections=0, seconds=2.0)
    samples = [
        replace(sample, step=step, size=size, seconds=sample.seconds * size + extra)
        for sample in (dynamic, floor)
        for step in STEPS
        for size in (1, 20)
        for extra in (0.0, 0.5)
    ]
    samples.append(replace(dynamic, latency=250, seconds=4.0, parallel="64"))
    return Results(machine, samples, [Skipped("other", "it is not here")])


def row(rendered: str, *start: str) -> list[str]:
    """The cells of the only row of a table that starts so."""
    beginning = f"| {' | '.join(start)} |"
    (found,) = (line for line in rendered.splitlines() if line.startswith(beginning))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_spread_has_the_median_and_the_ends() -> None:
    assert Spread.of([3, 1, 10]) == Spread(median=3, least=1, most=10, count=3)
    assert Spread.of([3, 1]).median == 2


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == results


def test_the_table_shows_the_median_the_spread_and_the_ratio_to_the_floor(
    results: Results,
) -> None:
    rendered = render(results)
    cells = row(rendered, "1", "dynamic resource", "default")
    assert cells[3:5] == ["2", "3.25 (3.00–3.50)"]
    # 3.25 to 2.25
    assert cells[-1] == "1.44"
    assert row(rendered, "20", FLOOR)[-1] == "1.00"
    # The floor at 0 ms, as no latency reaches it.
    assert row(rendered, "1", "dynamic resource", "64")[3:] == [
        *("1", "4.00", "–", "–", "–", "–"),
        "1.78",
    ]


def test_the_table_shows_requests_memory_and_state(results: Results) -> None:
    rendered = render(results)
    counted = row(rendered, "dynamic resource", "20", "create")
    assert counted[3:] == ["1", "0", "0", "0", "1", "0", "2"]
    assert row(rendered, "dynamic resource", "20", "80 MiB")[3:] == ["3,000", "2,000"]
    assert f"| {FLOOR} | 20 | create |" not in rendered


def test_the_table_shows_a_range_where_runs_counted_differently(results: Results) -> None:
    other = replace(results.select(size=20, step="refresh")[0], connections=5)
    results.samples.append(other)
    assert row(render(results), "dynamic resource", "20", "refresh")[-1] == "2–5"


def test_what_was_not_measured_is_listed_with_its_reason(results: Results) -> None:
    assert "- other: it is not here\n" in render(results)
    results.skipped = [Skipped("other", "it takes too long", 1000, 250)]
    assert "- other, 1,000 at 250 ms per answer: it takes too long\n" in render(results)


def test_the_tables_begin_with_where_and_how_long_the_run_took(results: Results) -> None:
    first = render(results).splitlines()[0]
    assert first.startswith("Measured on 2026-01-01 with version 1.2.3 on 2 cores (Linux x86_64)")
    assert first.endswith("The run took 3.5 minutes.")


def test_the_plot_has_a_line_for_each_contender_in_each_panel(
    results: Results, tmp_path: Path
) -> None:
    draw(results, tmp_path / "plot.svg")
    shown = (tmp_path / "plot.svg").read_text()
    assert ElementTree.fromstring(shown).tag == "{http://www.w3.org/2000/svg}svg"
    for name in results.contenders:
        assert f">{name}</text>" in shown
    for latency in (0, 250):
        for step in STEPS:
            assert f">{step}, {latency} ms</text>" in shown
    draw(results, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == shown


def test_a_block_replaces_the_one_before_and_nothing_else() -> None:
    begin, end = "<!-- bench: begin (by a tool) -->\n", "<!-- bench: end -->\n"
    text = f"before\n{begin}old\n{end}after\n"
    once = with_block(text, "new\n")
    assert once == f"before\n{begin}\nnew\n\n{end}after\n"
    assert with_block(once, "new\n") == once
    with pytest.raises(ValueError, match="one block"):
        with_block("nothing", "new")


def test_the_page_explains_every_contender_and_every_step() -> None:
    text = page.PAGE.read_text()
    assert with_block(text, "new") != text
    for contender in CONTENDERS:
        assert f"| {contender.name} |" in text
    for step in STEPS:
        assert f"| {step} |" in text


def test_the_profile_has_a_panel_for_each_contender_and_the_seconds_of_each_stage(
    tmp_path: Path,
) -> None:
    stages = [profile.Stage("Pulumi CLI and engine", 0, 2.5), profile.Stage("program", 1, 2.25)]
    profile.draw({"one": stages, "other": stages[:1]}, tmp_path / "profile.svg")
    written = ElementTree.parse(tmp_path / "profile.svg").getroot().itertext()
    shown = " ".join(text.strip() for text in written)
    assert shown.count("0.00 to 2.50 s") == 2
    assert shown.count("1.00 to 2.25 s") == 1
    assert "one: one authorization" in shown
    assert "other: one authorization" in shown
