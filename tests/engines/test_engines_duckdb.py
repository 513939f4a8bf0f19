"""The embedded engine reads what it is given, and its SQL reaches nothing else."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from shipworthy.core.errors import BackendFailed, InvalidData, ShipworthyError
from shipworthy.engines.duckdb import DuckDbEngine


@pytest.fixture
def engine():
    with_engine = DuckDbEngine(threads=2)
    yield with_engine
    with_engine.close()


def ask(engine, sql):
    return engine.query(parse_one(sql, dialect="duckdb"))


def test_a_parquet_file_becomes_a_table_in_its_own_order(engine, tmp_path):
    rows = pa.table({"b": [3, 1, 2], "a": ["x", None, "z"]})
    pq.write_table(rows, tmp_path / "rows.parquet")
    engine.attach("rows", "rows.parquet", base=tmp_path)
    assert engine.columns("rows") == {"b": "BIGINT", "a": "VARCHAR"}
    assert ask(engine, "SELECT * FROM rows").equals(rows)


def test_csv_types_are_those_that_every_value_has(engine, tmp_path):
    text = (
        "i,f,b,d,t,z,code,s\n"
        "1,1.5,true,2013-01-01,2013-01-01 05:00:00,2013-01-01T05:00:00+02:00,07102,a\n"
        ",2,FALSE,2013-01-02,2013-01-01 06:00:00,2013-01-01T05:00:00Z,10001,2\n"
    )
    (tmp_path / "rows.csv").write_text(text)
    engine.attach("rows", "rows.csv", base=tmp_path)
    assert list(engine.columns("rows").values()) == [
        "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "VARCHAR",
    ]  # fmt: skip
    first = ask(engine, "SELECT i, code, z FROM rows").to_pylist()[0]
    assert first == {"i": 1, "code": "07102", "z": datetime(2013, 1, 1, 3, tzinfo=UTC)}


def test_partitioned_folders_get_their_keys_as_columns(engine, tmp_path):
    for month in (1, 2):
        folder = tmp_path / "parts" / f"month={month}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"a": [month * 10]}), folder / "part.parquet")
        texts = tmp_path / "texts" / f"month={month}"
        texts.mkdir(parents=True)
        (texts / "part.csv").write_text(f"a\n{month * 10}\n")
    (tmp_path / "parts" / "_SUCCESS").write_text("")
    for name in ("parts", "texts"):
        engine.attach(name, name, base=tmp_path)
        assert ask(engine, f"SELECT a, month FROM {name} ORDER BY a").to_pylist() == [
            {"a": 10, "month": 1},
            {"a": 20, "month": 2},
        ]


@pytest.fixture
def shop(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("CREATE TABLE orders (id INTEGER, price NUMERIC(8,2), at DATETIME, paid BOOLEAN, note TEXT)")
        base.execute("INSERT INTO orders VALUES (1, 9.99, '2013-01-01 05:00:00', 1, 'hi'), (2, NULL, NULL, 0, NULL)")
        base.execute("CREATE TABLE wrong (id INTEGER)")
        base.execute("INSERT INTO wrong VALUES ('many')")
        base.execute("CREATE TABLE bare (id INTEGER, note TEXT)")
    base.close()
    return tmp_path


def test_a_database_table_is_a_source_by_its_url(engine, shop):
    engine.attach("orders", "sqlite:///shop.db#orders", base=shop)
    assert ask(engine, "SELECT * FROM orders").to_pylist() == [
        {"id": 1, "price": 9.99, "at": datetime(2013, 1, 1, 5), "paid": True, "note": "hi"},  # noqa: DTZ001
        {"id": 2, "price": None, "at": None, "paid": False, "note": None},
    ]
    engine.attach("bare", "sqlite:///shop.db#bare", base=shop)
    assert engine.columns("bare") == {"id": "BIGINT", "note": "VARCHAR"}


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("sqlite:///shop.db", "names no table"),
        ("sqlite:///none.db#orders", "there is no database"),
        ("sqlite:///shop.db#none", "no table 'none'"),
        ("sqlite:///shop.db#wrong", "column 'id'"),
        ("nonsense://x#t", "no table 't'"),
        ("://#t", "no URL"),
        ("mysql+pymysql://me@127.0.0.1/base#t", "driver for mysql"),
    ],
)
def test_a_database_that_cannot_be_read_is_named(engine, shop, location, says):
    with pytest.raises(InvalidData, match=says):
        engine.attach("orders", location, base=shop)


def test_a_database_that_does_not_answer_hides_its_password(engine, tmp_path):
    with pytest.raises((BackendFailed, InvalidData)) as caught:
        engine.attach("t", "postgresql+psycopg://me:secret@127.0.0.1:1/base#t", base=tmp_path)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(engine, tmp_path):
    (tmp_path / "shop.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(BackendFailed, match=r"shop\.db"):
        engine.attach("t", "sqlite:///shop.db#t", base=tmp_path)


def test_files_of_one_source_share_their_header(engine, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "parts" / "b.csv").write_text("b,a\n1,2\n")
    with pytest.raises(InvalidData, match=r"b\.csv: the header differs"):
        engine.attach("parts", "parts", base=tmp_path)


@pytest.mark.covers("D16")
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\n1,2\n3,x\n4,5,6\n", r"line 4: 3 fields where the header has 2"),
        (b"a,b\n1,2\n3\n4,5\n", r"line 3: 1 fields where the header has 2"),
        (b"a,b\n" + b"1,2\n" * 30_000 + b"1\n", r"line 30002"),
        (b'a,b\n1,2\n3,"x\n4,5\n', r"line 3"),
        (b"a,b\n1,2\n3,\xff\n", r"line 3"),
        (b"a,a\n1,2\n", r"line 1: column 'a' stands there twice"),
        (b"a,\n1,2\n", r"line 1: a column without a name"),
        (b"\xff\n1\n", r"line 1: no UTF-8"),
        (b"", r"is empty"),
    ],
)
def test_a_broken_csv_names_file_and_line(engine, tmp_path, content, says):
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(InvalidData, match=rf"rows\.csv.*{says}"):
        engine.attach("rows", "rows.csv", base=tmp_path)


@pytest.mark.parametrize("name", ["none.parquet", "none", "rows.txt", "mixed", "bare"])
def test_a_missing_or_unknown_file_is_named(engine, tmp_path, name):
    (tmp_path / "rows.txt").write_text("hello")
    (tmp_path / "bare").mkdir()
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed" / "a.csv").write_text("a\n1\n")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "mixed" / "b.parquet")
    with pytest.raises(InvalidData, match=name):
        engine.attach("rows", name, base=tmp_path)


@pytest.mark.parametrize("keep", [3, 40, -5])
def test_a_damaged_parquet_file_is_invalid_data(engine, tmp_path, keep):
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "rows.parquet")
    whole = (tmp_path / "rows.parquet").read_bytes()
    (tmp_path / "rows.parquet").write_bytes(whole[:keep])
    with pytest.raises(InvalidData, match="rows"):
        engine.attach("rows", "rows.parquet", base=tmp_path)


@pytest.mark.covers("TRUST-S8")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "ATTACH '/tmp/other.db' AS other",
        "COPY rows TO '/tmp/leak.csv'",
        "INSERT INTO rows VALUES (1)",
        "DROP TABLE rows",
        "CREATE TABLE more AS SELECT 1",
        "SET memory_limit = '900GB'",
        "PRAGMA enable_external_access",
        "INSTALL httpfs",
        "SELECT * FROM none",
        "SELECT none FROM rows",
        "SELECT a + 'x' FROM rows",
    ],
)
def test_sql_reads_attached_tables_and_nothing_else(engine, sql):
    engine.attach_table("rows", pa.table({"a": [1]}))
    with pytest.raises(ShipworthyError):
        ask(engine, sql)
    assert ask(engine, "SELECT a FROM rows").num_rows == 1


def test_values_that_cannot_be_computed_are_invalid_data(engine):
    engine.attach_table("rows", pa.table({"a": ["x"]}))
    with pytest.raises(InvalidData, match="Could not convert"):
        ask(engine, "SELECT CAST(a AS BIGINT) FROM rows")


def test_the_session_lives_in_utc(engine):
    got = ask(engine, "SELECT CAST(TIMESTAMPTZ '2013-01-01 05:00:00+00' AS VARCHAR) AS t").to_pylist()
    assert got == [{"t": "2013-01-01 05:00:00+00"}]


def test_a_closed_engine_says_so_in_our_words():
    engine = DuckDbEngine()
    engine.close()
    engine.close()
    with pytest.raises(BackendFailed):
        engine.columns("rows")


def test_an_engine_that_cannot_start_says_so():
    with pytest.raises(ShipworthyError, match="cannot start"):
        DuckDbEngine(threads=-1)


def test_memory_that_gives_out_is_a_backend_failure():
    engine = DuckDbEngine(threads=1, memory_mb=10)
    engine.attach_table("rows", pa.table({"a": [1]}))
    with pytest.raises(BackendFailed):
        ask(engine, "SELECT list(i) FROM range(50000000) t(i)")
    engine.close()


def every_duckdb_error():
    kinds = [getattr(duckdb, name) for name in dir(duckdb)]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, duckdb.Error)]


@pytest.mark.parametrize("kind", every_duckdb_error())
@pytest.mark.parametrize("call", ["columns", "query", "attach_table"])
def test_no_error_of_duckdb_escapes(engine, kind, call):
    class Failing:
        def fail(self, *_):
            raise kind("Some Error: it broke\nmore")

        sql = execute = register = unregister = fail

        def close(self):
            pass

    engine._connection.close()
    engine._connection = Failing()
    arguments = {"columns": ("t",), "query": (exp.select("1"),), "attach_table": ("t", pa.table({"a": [1]}))}
    with pytest.raises(ShipworthyError) as caught:
        getattr(engine, call)(*arguments[call])
    assert "it broke" in caught.value.problem
    assert "more" not in caught.value.problem


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1).filter(lambda name: "\0" not in name and name.encode("utf-8", "ignore").decode() == name))
def test_any_name_is_a_name_and_never_sql(name):
    engine = DuckDbEngine(threads=1)
    engine.attach_table("safe", pa.table({"a": [1]}))
    try:
        engine.attach_table(name, pa.table({name: [7]}))
        assert list(engine.columns(name)) == [name]
    except ShipworthyError:
        pass
    assert name == "safe" or ask(engine, "SELECT a FROM safe").num_rows == 1
    engine.close()


def test_locations_are_relative_to_the_base_or_absolute(engine, tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    engine.attach("a", str(tmp_path / "x.parquet"), base=Path("/nowhere"))
    assert engine.columns("a") == {"a": "BIGINT"}
