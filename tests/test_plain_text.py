"""Descriptions as text: of HTML, of plain text, and of what is neither."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.plain_text import MAX_LENGTH, plain_text


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("", ""),
        ("  Tea \t and rain ", "Tea and rain"),
        ("Tea & rain <3, a < b > c", "Tea & rain <3, a < b > c"),
        ("Tea &amp; rain &ndash; &#x2014;", "Tea & rain – —"),
        ("One\r\ntwo  \n\n\n\nthree", "One\ntwo\n\nthree"),
        ("She said <sigh> and left", "She said <sigh> and left"),
        ("<p>One</p><p>Two<br>three<br/><br/>four</p>", "One\n\nTwo\nthree\n\nfour"),
        ("<P CLASS='x'>One\n  two</P>", "One two"),
        ("<div>One<div>Two</div></div><div>Three</div>", "One\nTwo\nThree"),
        ("Tea:<ul><li>green</li><li>black <b>or</b> red</li></ul>End", "Tea:\n\n- green\n- black or red\n\nEnd"),
        ("<h2>Tea</h2>and rain", "Tea\n\nand rain"),
        ("First line\nwith a <a href='x'>link</a>\n\nlast", "First line\nwith a link\n\nlast"),
        ("One<script>alert(1)</script><style>p {}</style> <b>two</b>", "One two"),
        ("One<!-- two --><b>three</b>", "Onethree"),
        ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two &amp;amp; more&lt;/p&gt;", "One\n\nTwo & more"),
        ("How to use &lt;b&gt; in a title", "How to use <b> in a title"),
        ("<p>Tea</p", "Tea"),
        ("<b>Tea</i></p> rain", "Tea rain"),
        ("<p>a\0b</p>", "ab"),
        ("<p>a\ud800</p>", "a?"),
        ("<p>雨天的茶</p>", "雨天的茶"),
        ("<b></b>", ""),
    ],
)
def test_the_text_of_a_description(description: str, text: str) -> None:
    assert plain_text(description) == text


def test_a_text_beyond_reading_is_cut() -> None:
    assert plain_text("x" * (MAX_LENGTH + 1)) == "x" * MAX_LENGTH


@pytest.mark.parametrize("part", ["<", "<p>", "<b><i>", "</p>", "<!--", "&lt;", "&lt;p&gt;", "<a ", " \n", "<script>"])
def test_a_hostile_description_takes_no_more_time_than_it_is_long(part: str) -> None:
    started = time.process_time()
    plain_text(part * MAX_LENGTH)
    assert time.process_time() - started < 5


@given(st.text() | st.lists(st.sampled_from(["<p>", "</p>", "<li", ">", "&lt;", "&#0;", "\0", "x", "\n"])).map("".join))
def test_any_description_has_a_text(description: str) -> None:
    assert "\n\n\n" not in plain_text(description)
