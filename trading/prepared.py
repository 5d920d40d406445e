"""Querysets that every run of every account asks: their SQL is worked out once a process, only the values change.

Working it out anew is half of what such a query costs a worker. The rows are model instances as the queryset's own
(with its annotations, without related rows).
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
MARK = 987_654_321_987  # this and the numbers after it stand for the values in the SQL that was worked out


class Prepared(Generic[M]):
    """`Prepared(lambda account: Bot.objects.filter(account=account))(7)` is the list of that queryset for 7.

    The queryset may ask for several numbers, all of them different.
    """

    def __init__(self, build: Callable[..., QuerySet[M]]) -> None:
        self._build = build
        self._known: dict[tuple[str, int], _Statement] = {}  # by database vendor and number of values

    def __call__(self, *values: int) -> list[M]:
        """The rows for these values."""
        place = connection.vendor, len(values)
        known = self._known.get(place)
        if known is None:
            marks = range(MARK, MARK + len(values))
            known = self._known[place] = _Statement(self._build(*marks), marks)
        return known.rows(values)


class _Statement:
    def __init__(self, queryset: QuerySet[Any], marks: Iterable[int]) -> None:
        compiler: Any = queryset.query.get_compiler(connection=connection)
        self.sql, self.params = compiler.as_sql()
        self.places = {mark: number for number, mark in enumerate(marks)}
        if not self.places.keys() <= set(self.params):
            raise ValueError(f"The queryset does not ask for all its values: {self.sql}")
        self.model, self.compiler = queryset.model, compiler
        columns = compiler.klass_info["select_fields"]
        self.names = [compiler.select[index][0].target.attname for index in columns]
        self.columns = slice(columns[0], columns[-1] + 1)
        self.annotations = dict(compiler.annotation_col_map)
        self.converters = compiler.get_converters([expression for expression, _, _ in compiler.select])

    def rows(self, values: tuple[int, ...]) -> list[Any]:
        with connection.cursor() as cursor:
            given = [values[self.places[value]] if value in self.places else value for value in self.params]
            cursor.execute(self.sql, given)
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
