"""What notebooks show of records and estimators, their tables, and short reprs."""

import inspect
import re
import sys
from collections import namedtuple
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sphinx.ext.autosummary.generate import find_autosummary_in_files

import sklauction
from sklauction import (
    AllocationMenu,
    AuctionOutcome,
    BundlePricingAuction,
    Menu,
    RegretCertificate,
    RegretReport,
    RevenueBounds,
    SheetReading,
)
from sklauction.analytic.virtual_value import revenue_curve
from sklauction.domains import Domain, Outcome
from sklauction.price_sheets.reading import explain_auction
from sklauction.utils.doc_links import SITE, DocLinks
from sklauction.utils.tables import N_COLUMNS, N_ROWS, check_labels, html_of_columns

DOCS = Path(__file__).parents[1] / "docs"
MANY = 10_000
SEARCH = {"effort": "default", "gradient": True, "stages": ("grid", "ascent"), "starts": 11}
SEARCH |= {"steps": 46, "evaluations_each": 1108, "seconds": 8.4}


class Places(Outcome, namedtuple("Places", ["locations"])):
    """An outcome of another domain."""

    __slots__ = ()


def numbers(*shape):
    """Return different numbers from 0 to 1, in a random order."""
    values = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape)
    return values / max(values.size - 1, 1)


def outcome(n):
    return AuctionOutcome(numbers(n, 2, 3), numbers(n, 2))


def certificate(n):
    return RegretCertificate(n, 0.99, *np.linspace(0.25, 0.5, 9))


def report(n, names=None):
    fields = numbers(n, 2, 3), numbers(n, 2), numbers(n, 2, 3) / 2, numbers(n, 2) / 4, numbers(n)
    violations = {"ir": 0.125, "infeasibility": 0.0}
    problems = ("the payment <of> bidder 0 & others is too high",)
    return RegretReport(*fields, violations, problems, SEARCH, certificate(n), names=names)


def menu(n):
    return Menu(numbers(n, 2), np.sort(numbers(n)), numbers(n))


def allocation_menu(n):
    return AllocationMenu(numbers(n, 2, 2) / 2, np.sort(numbers(n)), np.ones(2), numbers(n), None)


def reading(n):
    fields = [numbers(n, 2, 3), numbers(n, 2, 3), numbers(n, 2, 1, 3), numbers(n, 2, 1)]
    fields += [numbers(n, 2, 3), numbers(n, 2, 3), numbers(n, 2), numbers(n, 2) > 0.5]
    return SheetReading(*fields, numbers(n, 2))


def bounds(n):
    return RevenueBounds({"item by item": 0.8125, "bundle & more": 0.84375}, {"welfare": 1.40625})


# Name -> a record of some size, shape of its table at size n, and a number that its HTML shows.
RECORDS = {
    "outcome": (outcome, lambda n: (n, 8), lambda one: one.payments[0, 1]),
    "other outcome": (
        lambda n: Places(numbers(n, 4)),
        lambda n: (n, 4),
        lambda one: one.locations[1, 2],
    ),
    "report": (report, lambda n: (2 * n, 8), lambda one: one.total_regret),
    "certificate": (certificate, lambda n: (1, 13), lambda one: one.upper_bound),
    "bounds": (bounds, lambda n: (3, 1), lambda one: one.lowers["item by item"]),
    "menu": (menu, lambda n: (n, 4), lambda one: one.prices[2]),
    "allocation menu": (allocation_menu, lambda n: (n, 6), lambda one: one.shares.max()),
    "price sheets": (reading, lambda n: (2 * n, 18), lambda one: one.item_prices[2, 1, 0]),
    "revenue curve": (
        lambda n: revenue_curve(1 + numbers(n)),
        lambda n: (n, 6),
        lambda one: one.revenues[1],
    ),
}
WITH_3_DIGITS = ("report", "certificate")
make_record = pytest.mark.parametrize("name", RECORDS)


class Cells(HTMLParser):
    """Collects the text of each cell by row, and checks that every tag is closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.rows, self.notes = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] in ("p", "pre", "caption"):
            self.notes.append(data)


@make_record
@pytest.mark.parametrize("size", [3, MANY])
def test_html_is_well_formed_and_has_the_numbers(name, size):
    make, _, figure = RECORDS[name]
    record = make(size)
    shown = Cells(record._repr_html_())
    assert len({len(row) for row in shown.rows}) == 1
    words = {word for row in shown.rows for cell in row for word in cell.split()}
    assert f"{figure(record):.{3 if name in WITH_3_DIGITS else 6}g}" in words


@make_record
def test_html_of_a_large_record_is_small_and_says_how_large_it_is(name):
    make, shape, _ = RECORDS[name]
    record = make(MANY)
    shown = Cells(record._repr_html_())
    # A header, and at most 13 figures of a report.
    assert len(shown.rows) <= 1 + max(N_ROWS, 13)
    if name not in ("bounds", "allocation menu"):
        n_rows = MANY if name in ("report", "certificate") else shape(MANY)[0]
        assert f"{n_rows:,}" in " ".join(shown.notes)


@make_record
def test_repr_is_short(name):
    assert len(repr(RECORDS[name][0](MANY))) < 1000


def test_repr_of_a_small_outcome_has_its_numbers():
    small = AuctionOutcome([[[1.0, 0.25]]], [[0.625]])
    assert repr(small) == (
        "AuctionOutcome(allocations=array([[[1.  , 0.25]]]), payments=array([[0.625]]))"
    )


def test_repr_of_an_outcome_too_large_to_print_has_its_shapes():
    assert repr(AuctionOutcome(np.ones((500, 5, 9)), np.ones((500, 5)))) == (
        "<AuctionOutcome: allocations of shape (500, 5, 9), payments of shape (500, 5)>"
    )
    # Reserves of None have no shape.
    assert repr(allocation_menu(MANY)).endswith("shares of shape (10000,)>")


def test_repr_and_text_of_a_report_agree_with_its_table():
    one = report(MANY)
    assert repr(one) == str(one)
    assert str(one).splitlines()[0] == "Regret audit of 10,000 profiles"
    shown = Cells(one._repr_html_())
    # A line for the title, and one for each row and note; the caption is among the notes.
    assert len(str(one).splitlines()) == len(shown.rows) + len(shown.notes)
    for name, value in shown.rows:
        assert re.search(rf"{re.escape(name)} +{re.escape(value)}$", str(one), re.MULTILINE)
    assert "PROBLEM: the payment <of> bidder 0 & others is too high" in shown.notes


def test_rows_in_notebooks_have_their_numbers():
    assert [row[0] for row in Cells(outcome(3)._repr_html_()).rows] == ["", "0", "1", "2"]
    # The rows of a menu are ordered by share.
    one = allocation_menu(3)._replace(shares=np.array([0.25, 0.0, 0.75]))
    shown = Cells(one._repr_html_())
    assert [(row[0], row[-1]) for row in shown.rows[1:]] == [("2", "0.75"), ("0", "0.25")]


def test_html_escapes_names_of_bounds():
    assert "bundle &amp; more" in bounds(3)._repr_html_()


def test_wide_tables_are_cut():
    columns = {f"column {number}": np.arange(2.0) for number in range(N_COLUMNS + 5)}
    shown = Cells(html_of_columns("Wide", columns))
    assert len(shown.rows[0]) == len(shown.rows[1]) == N_COLUMNS
    assert shown.notes[-1] == "All 2 rows, and the first 40 of 45 columns."


@make_record
@pytest.mark.parametrize("size", [3, 12])
def test_frames_have_their_shape(name, size):
    make, shape, _ = RECORDS[name]
    frame = make(size).to_frame()
    assert isinstance(frame, pd.DataFrame) and frame.shape == shape(size)
    assert frame.columns.is_unique and frame.index.is_unique


@make_record
def test_without_pandas_html_works_and_frames_say_what_is_missing(name, monkeypatch):
    record = RECORDS[name][0](3)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert Cells(record._repr_html_()).rows
    with pytest.raises(ImportError, match=r"^to_frame needs pandas: pip install pandas$"):
        record.to_frame()


def test_frame_of_a_report_by_hand():
    one = report(4)
    frame = one.to_frame()
    assert frame.index.names == ["profile", "bidder"]
    assert list(frame)[2:4] == ["valuation_item_2", "misreport_item_0"]
    row = frame.loc[(3, 1)]
    assert row["valuation_item_2"] == one.valuations[3, 1, 2]
    assert row["misreport_item_0"] == one.misreports[3, 1, 0]
    assert row["truthful_utility"] == one.truthful_utilities[3, 1]
    assert row["regret"] == one.regrets[3, 1]
    # The same numbers, added in another order.
    total = frame["regret"].groupby("profile").sum().mean()
    assert total == pytest.approx(one.total_regret, rel=1e-12)


def test_frame_of_a_revenue_curve_by_hand():
    # Of 4 buyers, 4, 2 and 1 pay prices of 1, 4 and 5.
    frame = revenue_curve([1, 1, 4, 5]).to_frame()
    assert frame["price"].tolist() == [1, 4, 5] and frame["chance"].tolist() == [1, 0.5, 0.25]
    assert frame["revenue"].tolist() == [1, 2, 1.25]


def test_frame_of_a_report_of_another_domain_uses_its_words():
    class Places(Domain):
        agent, entry = "reader", "site"

    zeros = np.zeros((2, 3, 1))
    arrays = zeros, zeros[..., 0], zeros, zeros[..., 0], np.zeros(2)
    frame = RegretReport(*arrays, {}, (), {}, domain=Places()).to_frame()
    assert frame.index.names == ["profile", "reader"]
    assert list(frame)[:2] == ["type_site_0", "misreport_site_0"]


def test_frames_use_names():
    bidders, items = ["Ann", "Bob"], ["car", "van", "bus"]
    named = report(4, (bidders, None)).to_frame()
    assert named.index[3] == (1, "Bob") and "valuation_item_2" in named
    assert "misreport_item_van" in report(4, (None, items)).to_frame()
    assert report(4).names == report(4, (None, None)).names == (None, None)
    flat = outcome(4).to_frame(bidders, items)
    assert (flat["allocations_Bob_bus"] == outcome(4).allocations[:, 1, 2]).all()
    assert (flat["payments_Bob"] == outcome(4).payments[:, 1]).all()
    assert list(menu(4).to_frame(["car", "van"])) == ["item_car", "item_van", "price", "share"]
    assert "bidder_Bob_item_1" in allocation_menu(4).to_frame(bidders)
    sheets = reading(4).to_frame(bidders, items)
    assert sheets.loc[(3, "Bob"), "price_item_bus"] == reading(4).item_prices[3, 1, 2]
    assert (sheets["lottery_0_item_van"] == reading(4).lottery_allocations[..., 1].ravel()).all()


@pytest.mark.parametrize(
    "names", [["a"], ["a", "a"], ["a", "b", "a"], ["a", 1], "ab", {"a", "b"}, 3]
)
def test_names_that_do_not_fit_are_refused(names):
    with pytest.raises(ValueError, match=r"^bidders must be a list of 2 different names; got "):
        check_labels(names, 2, "bidders")
    with pytest.raises(ValueError, match=r"^names\[0\] must be a list of 2 different names"):
        report(3, (names, None))
    with pytest.raises(ValueError, match=r"^names must be a tuple of two lists"):
        report(3, names)


def test_names_that_join_to_the_same_column_are_refused():
    with pytest.raises(ValueError, match="bidders and items must name each pair differently"):
        AuctionOutcome(np.ones((1, 2, 2)), np.ones((1, 2))).to_frame(["a", "a_b"], ["b_c", "c"])


def test_explanations_are_text_with_lines_and_use_names():
    text = explain_auction(reading(1), np.ones((2, 3)), ["Ann", "<Bob>"], ["car", "van", "bus"])
    assert isinstance(text, str) and text.splitlines()[3].startswith("<Bob> bids 1 for car, 1 for")
    assert "item 0" not in text
    assert Cells(text._repr_html_()).notes == [text]
    numbered = explain_auction(reading(1), np.ones((2, 3)))
    assert numbered.splitlines()[3].startswith("Bidder 1 bids 1 for item 0, 1 for item 1")


# --- links of estimators ----------------------------------------------------------------------

ESTIMATORS = [
    cls
    for cls in (getattr(sklauction, name) for name in sklauction.__all__)
    if inspect.isclass(cls) and issubclass(cls, BaseEstimator)
]


@cache
def pages():
    """Return the path of the page that the site generates for each name of the reference."""
    entries = find_autosummary_in_files([str(DOCS / "api.rst")])
    return {
        entry.name: (Path(entry.path) / f"{entry.name}.html").relative_to(DOCS) for entry in entries
    }


@pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_estimators_link_to_their_page(cls):
    link = object.__new__(cls)._get_doc_link()
    assert link == f"{SITE}/{pages()[f'sklauction.{cls.__name__}']}"


def test_classes_of_users_have_no_link():
    class Own(DocLinks, BaseEstimator):
        pass

    assert Own()._get_doc_link() == ""


def test_html_of_an_estimator_has_the_link():
    html = BundlePricingAuction(n_bidders=2)._repr_html_()
    assert f"{SITE}/api/sklauction.BundlePricingAuction.html" in html
