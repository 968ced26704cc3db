"""Breaks the code on purpose, a little at a time, and asks whether the tests notice."""
