"""Querysets that every run of every account asks: their SQL is worked out once a process, only the account changes.

Working it out anew is half of what such a query costs a worker. The rows are model instances as the queryset's own
(with its annotations, without related rows).
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
MARK = 987_654_321_987  # stands for the key in the SQL that was worked out


class Prepared(Generic[M]):
    """`Prepared(lambda account: Bot.objects.filter(account=account))(7)` is the list of that queryset for 7."""

    def __init__(self, build: Callable[[int], QuerySet[M]]) -> None:
        self._build = build
        self._known: dict[str, _Statement] = {}  # by database vendor

    def __call__(self, key: int) -> list[M]:
        """The rows for a primary key."""
        known = self._known.get(connection.vendor)
        if known is None:
            known = self._known[connection.vendor] = _Statement(self._build(MARK))
        return known.rows(key)


class _Statement:
    def __init__(self, queryset: QuerySet[Any]) -> None:
        compiler: Any = queryset.query.get_compiler(connection=connection)
        self.sql, self.params = compiler.as_sql()
        if MARK not in self.params:
            raise ValueError(f"The queryset does not ask for its key: {self.sql}")
        self.model, self.compiler = queryset.model, compiler
        columns = compiler.klass_info["select_fields"]
        self.names = [compiler.select[index][0].target.attname for index in columns]
        self.columns = slice(columns[0], columns[-1] + 1)
        self.annotations = dict(compiler.annotation_col_map)
        self.converters = compiler.get_converters([expression for expression, _, _ in compiler.select])

    def rows(self, key: int) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, [key if value == MARK else value for value in self.params])
            found: Any = cursor.fetchall()
        if self.converters:
            found = self.compiler.apply_converters(found, self.converters)
        made = []
        for row in found:
            one = self.model.from_db(connection.alias, self.names, row[self.columns])
            for name, index in self.annotations.items():
                setattr(one, name, row[index])
            made.append(one)
        return made
