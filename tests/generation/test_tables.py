"""Tables of every kind, read one row at a time, and what is wrong with them."""

import pytest

from vs_core import ConfigurationError
from vs_core.tables import rows_of

pa = pytest.importorskip("pyarrow")


def test_every_kind_of_table_gives_the_same_rows(tmp_path):
    import pandas as pd
    from pyarrow import parquet

    rows = [{"id": "1", "text": "a, b"}, {"id": "2", "text": 'tab\t"quoted"\nline'}]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    for source in [*tmp_path.iterdir(), frame, rows, iter(rows)]:
        assert [dict(row.values) for row in rows_of(source)] == rows, source
    lines = [row.line for row in rows_of(tmp_path / "t.csv")]
    assert lines == [2, 3]


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path):
    (tmp_path / "t.csv").write_text("\ufeffid,text\n1,ä\n", encoding="utf-8")
    assert [dict(row.values) for row in rows_of(tmp_path / "t.csv")] == [{"id": "1", "text": "ä"}]


def test_a_cell_keeps_the_ends_of_its_lines(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'id,text\r\n1,"a\r\nb\rc\nd"\r\n')
    assert [dict(row.values) for row in rows_of(tmp_path / "t.csv")] == [
        {"id": "1", "text": "a\r\nb\rc\nd"}
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"a,b\n1\n", "t.csv:2 has not as many cells"),
        ("t.csv", b"a,b\n1,2,3\n", "t.csv:2 has not as many cells"),
        ("t.csv", b"a,a\n1,2\n", "t.csv:1 must name each column"),
        ("t.csv", b'a\n"x"y\n', "t.csv:2 is no row"),
        ("t.csv", b"a\nok\n\xff\n", "t.csv:3 is not UTF-8"),
        ("t.jsonl", b'{"a": 1}\n{"a": \n', "t.jsonl:2 is no JSON"),
        ("t.jsonl", b"[1]\n", "t.jsonl:1 must be an object"),
        ("t.parquet", b"nothing", "no Parquet file"),
        ("t.xlsx", b"", "must end in .csv"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        list(rows_of(tmp_path / name))


def test_a_file_that_is_not_there_and_rows_that_are_none(tmp_path):
    with pytest.raises(ConfigurationError, match="Cannot read"):
        list(rows_of(tmp_path / "t.csv"))
    with pytest.raises(ConfigurationError, match="Row 2 is no mapping"):
        list(rows_of([{"a": 1}, "b"]))
