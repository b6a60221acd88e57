"""Links from the HTML of estimators in notebooks to their pages."""

__all__ = ["SITE", "DocLinks"]

# Address of the documentation site.
SITE = "https://sklauction.github.io/sklauction"


class DocLinks:
    """Mixin of estimators whose HTML links to their page of the API reference.

    The attributes are those of scikit-learn's ``_HTMLDocumentationLinkMixin``. Classes defined
    outside this package get no link.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from sklauction.utils.doc_links import DocLinks
    >>> class PostedPrice(DocLinks, BaseEstimator):
    ...     __module__ = "sklauction.analytic"
    >>> PostedPrice()._get_doc_link()
    'https://sklauction.github.io/sklauction/api/sklauction.PostedPrice.html'
    """

    _doc_link_module = "sklauction"
    _doc_link_template = f"{SITE}/api/sklauction.{{name}}.html"

    def _doc_link_url_param_generator(self):
        """Return the values of the template's fields."""
        return {"name": type(self).__name__}
