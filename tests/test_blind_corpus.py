"""The second corpus itself: that it is the same every time, and that its truths can be true."""

from __future__ import annotations

from collections import Counter

from tests.corpus.blind import NOTHING, cases, kinds
from tests.corpus.blind.figures import Read, is_consistent, is_exact, streams_alike, verdict
from tests.corpus.blind.kinds import Item

CASES = cases()


def test_cases_are_the_same_every_time() -> None:
    assert cases() == CASES


def test_the_corpus_is_as_large_as_it_claims() -> None:
    assert len({(case.group, case.kind) for case in CASES}) >= 400
    assert len(CASES) >= 2500
    assert len(NOTHING) >= 83


def test_kinds_and_cases_have_names_of_their_own() -> None:
    names = Counter((kind.group, kind.name) for kind in kinds())
    assert set(names.values()) == {1}
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(set(NOTHING.values())) == len(NOTHING)


def test_every_truth_is_a_distribution() -> None:
    for case in CASES:
        assert case.truths, case.name
        assert len(set(case.truths)) == len(case.truths), case.name
        for truth in case.truths:
            assert 1 <= len(truth) <= case.k, case.name
            for text, p in truth:
                assert text == text.strip(), case.name
                assert text, case.name
                assert p is None or 0 <= p <= 1, case.name


def test_every_kind_fits_some_text() -> None:
    assert all(any(True for _ in kind.cases()) for kind in kinds())


def test_verdicts_tell_what_was_read_from_what_is_true() -> None:
    case = next(case for case in CASES if case.name == "singular/yes and no")
    right = (Item("yes", 0.7), Item("no", 0.3))
    assert verdict(case, Read(right)) == "exact"
    assert verdict(case, Read(right[::-1])) == "wrong"
    assert verdict(case, Read(right[:1], repaired=True)) == "repaired"
    assert verdict(case, Read(None)) == "refused"
    assert not is_exact((Item("yes", 0.7), Item("no", None)), case.truths)


def test_a_stream_that_ends_otherwise_is_not_consistent() -> None:
    case = next(case for case in CASES if case.name == "singular/yes and no")
    right = (Item("yes", 0.7), Item("no", 0.3))
    assert is_consistent(case.answer, case.k)
    assert streams_alike(case.answer, case.k, 1, right)
    assert not streams_alike(case.answer, case.k, 1, right[:1])
    assert not streams_alike(case.answer, case.k, 1, None)
