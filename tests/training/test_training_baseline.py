import numpy as np
import pytest

from shipworthy.core.errors import InvalidProject
from shipworthy.training.baseline import fit_baseline, fit_rates

RULES = """
from shipworthy.training.baseline import fit_rates

def by_carrier(frame):
    return fit_rates(frame, by=["carrier"])

def wrong(frame):
    return 0.5

def failing(frame):
    return frame.nothing

NUMBER = 7
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.py").write_text(RULES)
    (tmp_path / "broken.py").write_text("def (:\n")
    return tmp_path


def test_the_constant_is_the_overall_rate(frame, tmp_path):
    table = fit_baseline("constant", frame, tmp_path)
    assert table.keys == ()
    assert table.default == pytest.approx(frame.truth.mean())


def test_a_rate_of_columns_is_drawn_to_the_overall_rate_where_rows_are_few(frame, tmp_path):
    table = fit_baseline("rate: carrier, hour", frame, tmp_path)
    assert table.keys == ("carrier", "hour")
    plain, drawn = (fit_rates(frame, by=["carrier", "hour"], prior_rows=rows) for rows in (0, 50))
    for combination in plain.rates:
        low, high = sorted([plain.rates[combination], plain.default])
        assert low - 1e-12 <= drawn.rates[combination] <= high + 1e-12


def test_the_rates_are_those_of_the_rows(frame):
    carriers = np.array(frame.features["carrier"].to_pylist())
    table = fit_rates(frame, by=["carrier"], prior_rows=0)
    assert table.rates["UA",] == pytest.approx(frame.truth[carriers == "UA"].mean())
    assert fit_rates(frame, by=["place"]).rates.keys() == {("JFK",), ("LGA",), ("",)}


@pytest.mark.covers("P6")
def test_a_function_of_the_projects_own_file_is_called_and_leaves_nothing_behind(frame, folder):
    before = sorted(folder.iterdir())
    table = fit_baseline("rules:by_carrier", frame, folder)
    assert table.keys == ("carrier",)
    assert sorted(folder.iterdir()) == before


def test_the_file_may_change_between_calls(frame, folder):
    fit_baseline("rules:by_carrier", frame, folder)
    (folder / "rules.py").write_text(RULES.replace('["carrier"]', '["hour"]'))
    assert fit_baseline("rules:by_carrier", frame, folder).keys == ("hour",)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rate:", "is no baseline"),
        ("whatever", "is no baseline"),
        ("rate: altitude", "no feature 'altitude'"),
        ("other:rule", "no such file"),
        ("../rules:by_carrier", "is no baseline"),
        ("os.path:join", "no such file"),
        ("rules:absent", "no such function"),
        ("rules:NUMBER", "no such function"),
        ("rules:wrong", "returned float, not a RateTable"),
        ("rules:failing", "failed: AttributeError"),
        ("broken:rule", "cannot be loaded: SyntaxError"),
    ],
)
def test_a_baseline_that_cannot_be_is_refused_with_its_reason(frame, folder, spec, message):
    with pytest.raises(InvalidProject, match=message):
        fit_baseline(spec, frame, folder)


def test_a_link_out_of_the_folder_is_not_followed(frame, folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "theirs.py"
    elsewhere.write_text(RULES)
    (folder / "theirs.py").symlink_to(elsewhere)
    with pytest.raises(InvalidProject, match="no such file"):
        fit_baseline("theirs:by_carrier", frame, folder)
