"""Former path of :mod:`sklauction.utils.sample_tests`."""

from sklauction.utils.deprecation import moved_module

__getattr__ = moved_module(__name__, "sklauction.utils.sample_tests", since="0.1")
