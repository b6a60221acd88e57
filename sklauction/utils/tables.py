"""Tables of records: DataFrames, HTML for notebooks, and short reprs."""

from html import escape
from itertools import islice

import numpy as np

from sklauction.utils.numbers import format_money

__all__ = ["Tabular", "Text", "check_labels", "html_of_columns", "html_table", "make_frame"]

# Rows and columns shown in a notebook.
N_ROWS, N_COLUMNS = 10, 40
# A repr with arrays is at most this long; a longer one gives their shapes.
MOST_CHARACTERS = 500


class Tabular:
    """Mixin of named tuples of arrays: a short repr, and a table in notebooks.

    A subclass has a method ``_columns()`` that returns a dict of {str: ndarray of shape (n_rows,)}.
    The class attribute ``_rows_are`` says what the rows are, in the plural.
    """

    __slots__ = ()
    _rows_are = "rows"

    def __repr__(self):
        text = super().__repr__()
        if len(text) <= MOST_CHARACTERS:
            return text
        shapes = (
            f"{name} of shape {field.shape}"
            for name, field in self._asdict().items()
            if field is not None
        )
        return f"<{type(self).__name__}: {', '.join(shapes)}>"

    def _repr_html_(self):
        return html_of_columns(type(self).__name__, self._numbered(), self._rows_are)

    def _numbered(self):
        """Return the columns after one that numbers the rows."""
        columns = self._columns()
        return {"": np.arange(len(next(iter(columns.values())))), **columns}


class Text(str):
    """Text of several lines that notebooks show line by line.

    Examples
    --------
    >>> from sklauction.utils.tables import Text
    >>> Text("Pays 2 < 3.")._repr_html_()
    '<pre>Pays 2 &lt; 3.</pre>'
    """

    __slots__ = ()

    def _repr_html_(self):
        return f"<pre>{escape(self)}</pre>"


def html_table(title, rows, header=(), notes=()):
    """Return a table in HTML; all text is escaped.

    Parameters
    ----------
    title : str
    rows : iterable of sequence of str
        The cells of each row.
    header : sequence of str, default=()
        The names of the columns.
    notes : sequence of str, default=()
        Sentences below the table.

    Returns
    -------
    str

    Examples
    --------
    >>> from sklauction.utils.tables import html_table
    >>> print(html_table("Prices", [("a", "1")], notes=["1 < 2"]))
    <table class="dataframe">
    <caption>Prices</caption>
    <tbody>
    <tr><td>a</td><td>1</td></tr>
    </tbody>
    </table>
    <p>1 &lt; 2</p>
    """
    head = [f"<thead>\n{_html_row(header, 'th')}\n</thead>"] if header else []
    return "\n".join(
        [
            f'<table class="dataframe">\n<caption>{escape(title)}</caption>',
            *head,
            "<tbody>",
            *(_html_row(row, "td") for row in rows),
            "</tbody>\n</table>",
            *(f"<p>{escape(note)}</p>" for note in notes),
        ]
    )


def _html_row(cells, tag):
    """Return a row of a table."""
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def html_of_columns(title, columns, rows_are="rows"):
    """Return the first rows of columns as a table in HTML, and say how many rows there are.

    Parameters
    ----------
    title : str
    columns : dict of {str: ndarray of shape (n_rows,)}
        At least one.
    rows_are : str, default="rows"
        What the rows are, in the plural.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.tables import html_of_columns
    >>> html = html_of_columns("Payments", {"payment": np.arange(12.0)}, "profiles")
    >>> html.splitlines()[-1]
    '<p>The first 10 of 12 profiles.</p>'
    """
    n_rows = len(next(iter(columns.values())))
    shown = dict(islice(columns.items(), N_COLUMNS))
    cells = ([_cell(value) for value in column[:N_ROWS]] for column in shown.values())
    rows = "All" if n_rows <= N_ROWS else f"The first {N_ROWS} of"
    note = f"{rows} {n_rows:,} {rows_are}"
    if len(columns) > N_COLUMNS:
        note += f", and the first {N_COLUMNS} of {len(columns):,} columns"
    return html_table(title, zip(*cells), list(shown), [f"{note}."])


def _cell(value):
    """Return a value as text; numbers have 6 digits."""
    return format_money(value, 6) if isinstance(value, float | np.floating) else str(value)


def make_frame(columns, index=None):
    """Return columns as a DataFrame.

    Parameters
    ----------
    columns : dict of {str: ndarray of shape (n_rows,)}
    index : dict of {str: ndarray of shape (n_rows,)}, default=None
        Levels of the index by name. None numbers the rows.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ImportError
        If pandas is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.tables import make_frame
    >>> make_frame({"payment": np.array([0.5, 0.25])})["payment"].sum()
    np.float64(0.75)
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install pandas") from error
    if index is not None:
        index = pd.MultiIndex.from_arrays(list(index.values()), names=list(index))
    return pd.DataFrame(columns, index=index)


def check_labels(names, size, argument):
    """Return names as a list of text; None gives numbers.

    Parameters
    ----------
    names : sequence of str or None
        Different from each other.
    size : int
        Expected number of names.
    argument : str
        Name of the argument, for the message.

    Returns
    -------
    list of str or int

    Raises
    ------
    ValueError
        If there are more or fewer names, or names are not text or not different.

    Examples
    --------
    >>> from sklauction.utils.tables import check_labels
    >>> check_labels(None, 2, "items"), check_labels(("car", "van"), 2, "items")
    ([0, 1], ['car', 'van'])
    """
    if names is None:
        return list(range(size))
    given = list(names) if isinstance(names, list | tuple | np.ndarray) else []
    text = all(isinstance(name, str) for name in given)
    if not text or len(given) != size or len(set(given)) != size:
        raise ValueError(f"{argument} must be a list of {size} different names; got {names!r}")
    return [str(name) for name in given]
