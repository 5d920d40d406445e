"""Many rows written with one statement, and conditional updates, without the ORM's own work.

Its `update` and `bulk_create` are most of the time of an account's run: they work out their SQL each time, and hand
every value through several functions. Here PostgreSQL prepares each statement once a connection, and values that it
takes as they are go to it as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models import Model


def rows_update(model: type[Model], rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the given columns of many rows (by primary key, the same columns for each) with one statement.

    Raises LookupError when a row is gone.
    """
    if not rows:
        return
    statement, prepare = _update(model, tuple(next(iter(rows.values()))), connection.vendor)
    with _cursor() as cursor:
        cursor.executemany(statement, [[*prepare(row.values()), pk] for pk, row in rows.items()])
        if cursor.rowcount != len(rows):
            raise LookupError(f"{len(rows) - cursor.rowcount} of {len(rows)} rows of {model.__name__} are gone.")


def rows_insert(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows (by attribute name, the same ones for each); their primary keys, in order.

    Columns that are left out get the model's own defaults.
    """
    if not rows:
        return []
    into, one, key, fields, prepare = _insert(model, connection.vendor)
    given = rows[0].keys()
    values = [
        prepare([row[field.attname] if field.attname in given else field.get_default() for field in fields])
        for row in rows
    ]
    if connection.vendor == "postgresql":  # one short statement, prepared by the server, for any number of rows
        with _cursor(returning=True) as cursor:
            cursor.executemany(f"INSERT INTO {into} VALUES {one} RETURNING {key}", values)  # nosec B608
            return [found for result in cursor.results() for (found,) in result]
    every = ", ".join([one] * len(rows))
    with connection.cursor() as cursor:
        bound = [value for row in values for value in row]
        cursor.execute(f"INSERT INTO {into} VALUES {every} RETURNING {key}", bound)  # nosec B608
        return [found for (found,) in cursor.fetchall()]


@cache
def _update(model: type[Model], names: tuple[str, ...], vendor: str) -> tuple[str, "Values"]:
    """The statement for these columns and a row's primary key, and what prepares the columns' values."""
    quote, key = connection.ops.quote_name, _key(model)
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    prepare = _preparing(model, tuple(field.attname for field in fields), vendor)
    return f"UPDATE {quote(model._meta.db_table)} SET {columns} WHERE {key} = %s", prepare  # nosec B608


@cache
def _insert(model: type[Model], vendor: str) -> tuple[str, str, str, list[Any], "Values"]:
    """Table with columns, placeholders of one row, primary key, the columns' fields, and what prepares their values."""
    quote = connection.ops.quote_name
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.primary_key]
    into = f"{quote(model._meta.db_table)} ({', '.join(quote(field.column) for field in fields)})"
    one = f"({', '.join(['%s'] * len(fields))})"
    return into, one, _key(model), fields, _preparing(model, tuple(field.attname for field in fields), vendor)


def _key(model: type[Model]) -> str:
    key: Any = model._meta.pk
    return connection.ops.quote_name(key.column)


Values = Callable[[Iterable[Any]], list[Any]]
AS_THEY_ARE = (models.CharField, models.TextField, models.BooleanField, models.DateTimeField, models.UUIDField)
NUMBERS = (
    models.IntegerField,
    models.BigIntegerField,
    models.PositiveIntegerField,
    models.PositiveSmallIntegerField,
    models.ForeignKey,
    models.OneToOneField,
)


@cache
def _preparing(model: type[Model], names: tuple[str, ...], vendor: str) -> Values:
    """Makes values of these columns what the database's driver takes."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    ways = [_way(fields[name], vendor) for name in names]

    def prepare(values: Iterable[Any]) -> list[Any]:
        return [value if way is None else way(value) for way, value in zip(ways, values, strict=True)]

    return prepare


def _way(field: Any, vendor: str) -> Callable[[Any], Any] | None:
    if vendor == "postgresql" and type(field) in AS_THEY_ARE:
        return None
    if vendor == "postgresql" and type(field) in NUMBERS:
        from psycopg.types.numeric import Int8

        # One type whatever their size: a prepared statement is one of its parameters' types.
        return lambda value: None if value is None else Int8(value)
    return lambda value: field.get_db_prep_save(value, connection)


def _cursor(*, returning: bool = False) -> Any:
    """On PostgreSQL a cursor whose statements are prepared by the server; Django's own composes a text each time."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    made: Any = _cursors()[returning](connection.connection)
    return connection._prepare_cursor(made)  # type: ignore[attr-defined]  # errors and query logs as of any other


@cache
def _cursors() -> tuple[type, type]:
    from django.db.backends.postgresql.base import ServerBindingCursor

    class Returning(ServerBindingCursor):
        """Keeps what each of many rows returned."""

        def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = True) -> None:
            super().executemany(query, params_seq, returning=returning)  # type: ignore[misc]

    return ServerBindingCursor, Returning


def row_update(
    model: type[Model],
    values: Mapping[str, Any],
    where: Mapping[str, Any],
    *,
    also: str = "",
    given: Sequence[Any] = (),
) -> int:
    """Set columns of the rows whose columns have these values (a list: one of them), by attribute name; how many.

    `also` is one more condition as SQL, for the values `given` to it.
    """
    changed, asked = tuple(values), tuple(where)
    prepare = _preparing(model, changed, connection.vendor)
    bound = prepare(values.values())
    conditions = []
    for name, value in zip(asked, where.values(), strict=True):
        several = list(value) if isinstance(value, list | tuple) else [value]
        one = _preparing(model, (name,), connection.vendor)
        bound += [one([each])[0] for each in several]
        conditions.append(f"{_column(model, name)} IN ({', '.join(['%s'] * len(several))})")
    if also:
        conditions.append(also)
    columns = ", ".join(f"{_column(model, name)} = %s" for name in changed)
    table = connection.ops.quote_name(model._meta.db_table)
    with _cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {columns} WHERE {' AND '.join(conditions)}", [*bound, *given])  # nosec B608
        return int(cursor.rowcount)


@cache
def _column(model: type[Model], name: str) -> str:
    columns: dict[str, Any] = {field.attname: field.column for field in model._meta.concrete_fields}
    return connection.ops.quote_name(columns[name])
