"""Names and texts as they stand in SQL: always quoted, so that no name can be taken for SQL."""

from sqlglot import exp

__all__ = ["literal", "quoted", "select_all"]


def quoted(name: str) -> str:
    """A name as a quoted SQL identifier.

    >>> print(quoted('a "b"; DROP TABLE c'))
    "a ""b""; DROP TABLE c"
    """
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def literal(text: str) -> str:
    """A text as a SQL literal.

    >>> print(literal("it's"))
    'it''s'
    """
    return exp.Literal.string(text).sql("duckdb")


def select_all(name: str) -> str:
    """The SQL that reads every row and column of a table.

    >>> print(select_all("flights"))
    SELECT * FROM "flights"
    """
    return exp.select("*").from_(exp.to_identifier(name, quoted=True)).sql("duckdb")
