"""Records on disk survive a kill at any byte."""

import json

import pytest

from vs_core import ConfigurationError
from vs_core.store import Store


def records(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def write(path, *items):
    store = Store(path)
    for item in items:
        store.append(item)
    store.close()


def test_records_come_back_in_order_from_a_folder_that_is_made(tmp_path):
    path = tmp_path / "a" / "b" / "records.jsonl"
    items = [{"text": "one\ntwo"}, {"text": "é\u2028\ud83d"}, {"text": "\U0001f600"}]
    write(path, *items)
    store = Store(path)
    assert list(store) == items
    store.close()


def test_a_file_cut_off_anywhere_loses_at_most_the_record_that_was_being_written(tmp_path):
    items = [{"n": 1, "text": "a"}, {"n": 2, "text": "bé"}]
    path = tmp_path / "records.jsonl"
    write(path, *items)
    whole = path.read_bytes()
    first = whole.index(b"\n")
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        write(path, {"n": 3})
        kept = 2 if end >= len(whole) - 1 else 1 if end >= first else 0
        assert records(path) == [*items[:kept], {"n": 3}], end


def test_a_torn_line_that_is_longer_than_a_block_is_taken_away(tmp_path):
    path = tmp_path / "records.jsonl"
    write(path, {"n": 1})
    with path.open("ab") as file:
        file.write(b'{"text": "' + b"x" * 200_000)
    write(path, {"n": 2})
    assert records(path) == [{"n": 1}, {"n": 2}]


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"n": 1}\n{"n": \n{"n": 3}\n')
    store = Store(path)
    with pytest.raises(ConfigurationError, match=r"records\.jsonl:2 is no record"):
        list(store)
    store.close()


def test_a_file_in_use_is_refused_until_it_is_closed(tmp_path):
    path = tmp_path / "records.jsonl"
    store = Store(path)
    with pytest.raises(ConfigurationError, match="in use by another run"):
        Store(path)
    store.close()
    Store(path).close()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="Cannot write"):
        Store(tmp_path / "file" / "records.jsonl")
