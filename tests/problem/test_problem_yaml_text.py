"""What is written as YAML reads back as it was, whatever the texts hold."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidProject
from shipworthy.problem.located import parse_yaml, plain
from shipworthy.problem.yaml_text import render_yaml

texts = st.text(st.characters(codec="utf-8"), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_reads_back(value):
    text = render_yaml(value)
    if value:
        assert plain(parse_yaml(text, file="x", kind=InvalidProject)) == value


@given(
    st.dictionaries(st.sampled_from(["a", "no", "on", "y"]), st.sampled_from(["yes", "off", "2013-01-01", "1:30", "x"]))
)
def test_other_readers_of_yaml_see_the_same_texts(value):
    assert yaml.safe_load(render_yaml(value) or "{}") == (value or None)


def test_a_comment_stands_behind_its_value():
    text = render_yaml({"a": [{"b": 1, "c": {"d": "x"}}]}, comments={"a[0].b": "confirm", "a[0].c": "see below"})
    assert text == "a:\n  - b: 1  # confirm\n    c:  # see below\n      d: x\n"


@pytest.mark.parametrize("value", [{}, []])
def test_nothing_is_written_in_brackets(value):
    assert render_yaml({"a": value}) == f"a: {value}\n"
