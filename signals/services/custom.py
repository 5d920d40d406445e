"""Custom strategies: offered, checked, enabled by staff, paused after failures. A content never changes."""

import re
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import NoReverseMatch, reverse

from accounts.clock import now
from accounts.models import User
from accounts.services.audit import audit_record
from accounts.services.notices import notice_send
from signals.candles.matrix import CandleMatrix
from signals.custom.checks import digest_of, strategy_examine
from signals.custom.pool import default_folder
from signals.custom.report import Report
from signals.custom.resolve import source_rules
from signals.custom.rules import PREFIX
from signals.custom.static import SIZE_LIMIT
from signals.domain.strategies import ParameterError
from signals.models import CustomStrategy, Strategy

FAILURES_LIMIT = 5  # scans in a row; then it is paused
Status = CustomStrategy.Status


class CustomError(ValueError):
    """What staff asked for cannot be done; the message says why and what to do."""


def custom_file_check(file: str, source: str) -> None:
    """Raise CustomError for a name or a size that no strategy's file has."""
    if not re.fullmatch(r"[A-Za-z][\w-]{0,60}\.py", file):
        raise CustomError(f"A strategy's file is called name.py (letters, digits, _ and -), not {file[:80]!r}.")
    if not source.strip() or "\0" in source or len(source) > SIZE_LIMIT:
        raise CustomError(f"{file} must hold 1 to {SIZE_LIMIT:,} characters of Python.")


def custom_offer(*, file: str, source: str, actor: User | None = None) -> tuple[CustomStrategy, bool]:
    """The row of this content, and whether it is new; nothing of it runs. Raises CustomError for no such file."""
    custom_file_check(file, source)
    row, fresh = CustomStrategy.objects.get_or_create(
        file=file,
        digest=digest_of(source),
        defaults={"source": source, "name": file[:-3][:32], "uploaded_by_id": actor.pk if actor else None},
    )
    if fresh and actor is not None:
        audit_record(actor=actor, action="custom_strategy.uploaded", obj=row, detail=_facts(row))
    return row, fresh


def report_make(*, file: str, source: str, real: CandleMatrix | None = None) -> Report:
    """Check a text under the limits of this installation; nothing is stored."""
    return strategy_examine(
        file=file,
        source=source,
        seconds=settings.XRAY_STRATEGY_TIMEOUT_S,
        memory_mb=settings.XRAY_STRATEGY_MEMORY_MB,
        unsafe=settings.XRAY_STRATEGY_UNSAFE,
        real=real,
    )


def custom_check(*, custom: CustomStrategy, real: CandleMatrix | None = None) -> Report:
    """Check a version and keep the report. One that fails is refused, and stops when it was in force."""
    report = report_make(file=custom.file, source=custom.source, real=real)
    name = str(report.described.get("kind", "")).removeprefix(PREFIX)
    with transaction.atomic():
        row = CustomStrategy.objects.select_for_update().get(pk=custom.pk)
        row.report, row.checked_at = report.as_json(), now()
        row.name = name or row.name
        if not report.good:
            Strategy.objects.filter(custom=row, enabled=True).update(enabled=False)
            row.status = Status.REFUSED
        elif row.status in (Status.OFFERED, Status.REFUSED):
            row.status = Status.CHECKED
        row.save(update_fields=["report", "checked_at", "name", "status"])
    custom.refresh_from_db()
    return report


def custom_enable(*, custom: CustomStrategy, actor: User | None, follow: bool | None = None) -> Strategy:
    """Put a checked version in force, with the parameters of the version before where they are allowed still.

    Raises CustomError: not checked or refused, or its name belongs to another file or strategy.
    """
    if not custom.report.get("good") or custom.status not in (Status.CHECKED, Status.DISABLED, Status.PAUSED):
        raise CustomError(_not_ready(custom))
    title = str(custom.report["described"]["name"])[:80]
    _names_free(custom, title)
    parameters = _parameters(custom)
    with transaction.atomic():
        others = CustomStrategy.objects.filter(name=custom.name, status__in=(Status.ENABLED, Status.PAUSED))
        others.exclude(pk=custom.pk).update(status=Status.DISABLED)
        custom.status, custom.enabled_at, custom.failures, custom.last_error = Status.ENABLED, now(), 0, ""
        custom.follow = custom.follow if follow is None else follow
        custom.save(update_fields=["status", "enabled_at", "failures", "last_error", "follow"])
        version = _version(custom, title, parameters)
        audit_record(actor=actor, action="custom_strategy.enabled", obj=custom, detail=_facts(custom))
    return version


def custom_disable(*, custom: CustomStrategy, actor: User | None) -> None:
    """Stop scanning a version. Raises CustomError when it is not in force."""
    with transaction.atomic():
        in_force = CustomStrategy.objects.filter(pk=custom.pk, status__in=(Status.ENABLED, Status.PAUSED))
        if not in_force.update(status=Status.DISABLED):
            raise CustomError(f"{custom} is not in force.")
        Strategy.objects.filter(custom=custom, enabled=True).update(enabled=False)
        audit_record(actor=actor, action="custom_strategy.disabled", obj=custom, detail=_facts(custom))
    custom.refresh_from_db()


def custom_failed(*, custom_id: int, error: str) -> None:
    """A scan got nothing from it; after FAILURES_LIMIT in a row it is paused and staff are told."""
    rows = CustomStrategy.objects.filter(pk=custom_id)
    rows.update(failures=F("failures") + 1, last_error=error[:600])
    with transaction.atomic():
        if not rows.filter(status=Status.ENABLED, failures__gte=FAILURES_LIMIT).update(status=Status.PAUSED):
            return
        custom = rows.get()
        Strategy.objects.filter(custom=custom, enabled=True).update(enabled=False)
        audit_record(actor=None, action="custom_strategy.paused", obj=custom, detail={"error": error[:400]})
        title = f"Custom strategy {custom.name} is paused after {FAILURES_LIMIT} failures"
        notice_send(user=None, level="bad", title=title, text=error, link=_link(custom))


def custom_worked(*, custom_id: int) -> None:
    """A good answer: failures are counted from the start again."""
    CustomStrategy.objects.filter(pk=custom_id, failures__gt=0).update(failures=0)


def folder_read() -> list[CustomStrategy]:
    """Offer every file of the folder whose content is new; returns those. Files that cannot be are left out."""
    fresh = []
    folder = default_folder()
    for path in sorted(folder.glob("*.py")) if folder.is_dir() else []:
        if path.is_symlink() or path.name.startswith(("_", ".")) or path.stat().st_size > 4 * SIZE_LIMIT:
            continue
        try:
            row, new = custom_offer(file=path.name, source=path.read_text(encoding="utf-8"))
        except (CustomError, OSError, UnicodeDecodeError):
            continue
        fresh += [row] if new else []
    return fresh


def custom_follow(*, custom: CustomStrategy) -> bool:
    """Put a changed file in force when the version before is followed, else tell staff. Whether it is in force."""
    before = CustomStrategy.objects.filter(file=custom.file, status__in=(Status.ENABLED, Status.PAUSED)).first()
    if before is None or before.pk == custom.pk:
        return False
    good, problem = bool(custom.report.get("good")), _not_ready(custom)
    if good and before.follow and before.name == custom.name:
        try:
            custom_enable(custom=custom, actor=None, follow=True)
            return True
        except CustomError as error:
            good, problem = False, str(error)
    title = f"{custom.file} has changed; the version before stays in force"
    text = "It passed the check: enable it to use it." if good else problem
    notice_send(user=None, level="info" if good else "warn", title=title, text=text, link=_link(custom))
    return False


def _not_ready(custom: CustomStrategy) -> str:
    if custom.status == Status.ENABLED:
        return f"{custom} is in force already."
    findings = custom.report.get("findings") or []
    if custom.report and findings:
        first = findings[0]
        return f"{custom.file}, line {first['line']}: {first['message']}"
    return f"{custom} is not checked yet; check it first."


def _names_free(custom: CustomStrategy, title: str) -> None:
    """A kind belongs to one file, and a strategy's name to one kind."""
    other = CustomStrategy.objects.filter(name=custom.name, status__in=(Status.ENABLED, Status.PAUSED))
    if (row := other.exclude(file=custom.file).first()) is not None:
        raise CustomError(f"kind {custom.name!r} belongs to {row.file}, which is in force. Disable it, or change kind.")
    taken = Strategy.objects.filter(name=title).exclude(kind=custom.kind).first()
    if taken is not None:
        raise CustomError(f"There is another strategy with the name {title!r} ({taken.kind}). Change the class's name.")


def _parameters(custom: CustomStrategy) -> dict[str, Any]:
    """Those of the newest version as far as they are allowed, else the defaults."""
    newest = Strategy.objects.filter(kind=custom.kind).order_by("-version").first()
    try:
        with source_rules(custom.file, custom.source) as rules:
            try:
                return rules.validate(newest.parameters if newest else {})
            except ParameterError:
                return rules.validate({})
    except ParameterError as error:
        raise CustomError(f"{custom} does not start: {error}") from error


def _version(custom: CustomStrategy, title: str, parameters: dict[str, Any]) -> Strategy:
    """The strategy version that runs this content with these parameters: an old one, or the next."""
    versions = Strategy.objects.filter(kind=custom.kind)
    versions.filter(enabled=True).update(enabled=False)
    newest = Strategy.objects.filter(name=title).order_by("-version").first()
    if newest is not None and newest.custom_id == custom.pk and newest.parameters == parameters:
        newest.enabled = True
        newest.save(update_fields=["enabled"])
        return newest
    number = newest.version + 1 if newest else 1
    return Strategy.objects.create(name=title, kind=custom.kind, parameters=parameters, version=number, custom=custom)


def _facts(custom: CustomStrategy) -> dict[str, Any]:
    return {"file": custom.file, "digest": custom.digest, "name": custom.name}


def _link(custom: CustomStrategy) -> str:
    try:
        return reverse("admin:signals_customstrategy_change", args=[custom.pk])
    except NoReverseMatch:
        return ""
