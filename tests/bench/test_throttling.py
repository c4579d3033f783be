from __future__ import annotations

import pytest

from bench import page
from bench.emulated import Post, emulated
from bench.page import with_block
from bench.throttling import Counted, Throttled, render


def test_the_count_has_the_refusals_and_the_most_calls_after_any_pause() -> None:
    posts = [
        Post(0.0, 204, None),
        Post(0.1, 429, 3.0),
        Post(0.2, 429, 4.0),
        Post(4.5, 204, None),
        Post(5.4, 429, 1.0),
        # Two calls in the second after the first pause, three in that after the second.
        Post(7.0, 204, None),
        Post(7.5, 204, None),
        Post(7.9, 204, None),
        Post(8.0, 204, None),
    ]
    assert Counted.of(posts) == Counted(made=9, refused=3, longest=4.0, burst=3)


def test_a_break_without_a_refusal_is_no_pause() -> None:
    posts = [Post(0.0, 204, None), Post(9.0, 204, None), Post(9.1, 204, None)]
    assert Counted.of(posts) == Counted(made=3, refused=0, longest=0.0, burst=0)


def test_the_table_has_the_calls_needed_and_those_made(machine: dict[str, object]) -> None:
    counted = Counted(made=1012, refused=12, longest=138.0, burst=7)
    rendered = render(machine, [Throttled("one", 1000, "64", 90.0, 230.5, counted, 1)])
    cells = ("one", "1,000", "64", "90.0", "230.5", "1,000", "1,012", "12", "138 s", "7", "1")
    assert f"| {' | '.join(cells)} |" in rendered.splitlines()
    assert "load of the machine was 0.1 before the run and 0.2 after it" in rendered


def test_the_page_has_a_place_for_the_table() -> None:
    text = page.PAGE.read_text()
    replaced = with_block(text, "new", "throttling")
    assert replaced != text
    assert with_block(replaced, "old") != replaced


@pytest.mark.slow
def test_earlier_writes_count_against_the_limit_of_the_contenders() -> None:
    with emulated(throttling=True) as emulator:
        emulator.write(3000)
        with pytest.raises(RuntimeError, match="answered with 429"):
            emulator.write(1)
        emulator.begin(0)
        assert emulator.posts() == []
