"""Custom strategies on the command line: check FILE, install FILE, enable and disable NAME, list."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.custom.pool import default_folder
from signals.custom.real import real_matrix
from signals.custom.report import Report
from signals.models import CustomStrategy
from signals.services.custom import (
    CustomError,
    custom_check,
    custom_disable,
    custom_enable,
    custom_offer,
    folder_read,
    report_make,
)


class Command(BaseCommand):
    help = "Check, install, enable, disable and list custom strategies (see docs/strategies.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        steps: Any = parser.add_subparsers(dest="step", required=True, parser_class=ArgumentParser)
        check = steps.add_parser("check", help="say what is wrong with a file; nothing is stored")
        install = steps.add_parser("install", help="store a file's content and check it")
        install.add_argument("--enable", action="store_true", help="put it in force when it passes")
        for one in (check, install):
            one.add_argument("file", type=Path)
            one.add_argument("--data", type=Path, help="Parquet candles to check it on, besides the synthetic ones")
        for name, text in (("enable", "put the newest checked version in force"), ("disable", "stop scanning it")):
            steps.add_parser(name, help=text).add_argument("name")
        every = steps.add_parser("list", help="what there is, the folder's files included")
        for one in (check, install, every):
            one.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")

    def handle(self, *args: Any, step: str, **options: Any) -> None:
        try:
            getattr(self, f"_{step}")(**options)
        except (CustomError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _check(self, file: Path, data: Path | None, json: bool, **_: Any) -> None:
        report = report_make(file=file.name, source=_text(file), real=real_matrix(data) if data else None)
        self._told(report, json)

    def _install(self, file: Path, data: Path | None, json: bool, enable: bool, **_: Any) -> None:
        custom, _fresh = custom_offer(file=file.name, source=_text(file))
        report = custom_check(custom=custom, real=real_matrix(data) if data else None)
        self._told(report, json)
        if enable:
            self._enabled(custom)
        elif not json:
            self.stdout.write(f"It is stored. Staff put it in force: manage.py strategy enable {custom.name}")

    def _enable(self, name: str, **_: Any) -> None:
        rows = CustomStrategy.objects.filter(name=name, report__good=True).exclude(status=CustomStrategy.Status.ENABLED)
        custom = rows.first()
        if custom is None:
            raise CustomError(
                f"There is no checked version of {name!r} that is not in force. See manage.py strategy list."
            )
        self._enabled(custom)

    def _disable(self, name: str, **_: Any) -> None:
        custom = CustomStrategy.objects.filter(name=name, status__in=("enabled", "paused")).first()
        if custom is None:
            raise CustomError(f"No version of {name!r} is in force. See manage.py strategy list.")
        custom_disable(custom=custom, actor=None)
        self.stdout.write(f"{custom} is not scanned any more.")

    def _list(self, json: bool, **_: Any) -> None:
        folder_read()
        rows = CustomStrategy.objects.all()
        for row in rows:
            self._line(row, json)
        if not rows and not json:
            self.stdout.write(
                f"There are none. Put a file into {default_folder()}, or: manage.py strategy install FILE"
            )

    def _line(self, row: CustomStrategy, as_json: bool) -> None:
        facts = {
            "name": row.name, "file": row.file, "digest": row.digest, "status": row.status, "follow": row.follow,
            "good": row.report.get("good"), "failures": row.failures, "last_error": row.last_error,
            "created_at": row.created_at.isoformat(),
        }  # fmt: skip
        text = f"{row.get_status_display():24} {row.name:32} {row.file}  {row.digest[:12]}  {row.last_error}"
        self.stdout.write(json.dumps(facts) if as_json else text.rstrip())

    def _enabled(self, custom: CustomStrategy) -> None:
        version = custom_enable(custom=custom, actor=None)
        self.stderr.write(f"{version} is in force from the next scan on.")

    def _told(self, report: Report, as_json: bool) -> None:
        """The report; a strategy that is refused ends the command with an error."""
        if as_json:
            self.stdout.write(json.dumps(report.as_json()))
        if not report.good:
            findings = "\n".join(finding.text(report.file) for finding in report.findings)
            raise CommandError("Refused." if as_json else findings)
        if not as_json:
            facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in report.facts.items())
            self.stdout.write(f"{report.file} is good: {report.described['kind']} ({facts}).")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}. Give the path of a Python file.") from error
