"""Warnings as errors, but for those about what other tests left to the garbage collector."""

import pytest

warnings_are_errors = pytest.mark.filterwarnings(
    "error", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
