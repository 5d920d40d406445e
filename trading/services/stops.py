"""Setting and clearing stops: committed first, then every account concerned is woken to obey."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.clock import now
from accounts.models import EXCHANGES, ExchangeAccount, User
from accounts.services.audit import audit_record
from accounts.services.notices import notice_send
from signals.models import Strategy
from trading import live
from trading.models import Bot, StopSwitch
from trading.selectors.stop_report import stop_bots
from trading.selectors.stops import WIDE, stop_words
from trading.services import fields
from trading.services.wakes import accounts_wake, trades_changed


def stop_set(
    *, scope: str, level: int, actor: User | None, target: str = "", reason: str = "", imposed: bool = False
) -> StopSwitch:
    """Put a stop in force, audited, with a notice to its owner.

    It replaces an earlier one of the same scope and target. One of the same level is answered with the earlier one: a
    second press goes on with its report. A stop that staff put on somebody is kept apart from the owner's own.

    Args:
        scope: one of StopSwitch.Scope; platform, exchange and strategy stops are for staff.
        level: 1 no new entries, 2 reduce only, 3 flatten.
        actor: who asks; None when the platform itself does.
        target: exchange name, or the public id of the strategy, user, account or bot; empty for the platform.
        imposed: only staff may lift it; so is every stop that its target's owner did not ask for.

    Raises:
        ValidationError: unknown scope, level or target. PermissionDenied: the target is not the actor's.
    """
    target, owner = stop_target_check(scope, target, actor)
    if level not in StopSwitch.Level.values:
        raise ValidationError({"level": ["1 (no new entries), 2 (reduce only) or 3 (flatten)."]})
    imposed = imposed or actor is None or owner != actor
    values = {"scope": scope, "target": target, "level": level, "reason": reason[:240], "imposed": imposed}
    try:
        with transaction.atomic():
            switch, new = _put(values, actor)
    except IntegrityError:  # somebody set the same stop at the same moment
        with transaction.atomic():
            switch, new = _put(values, actor)
    if owner and imposed and new:
        notice_send(
            user=owner, level="warn", title=f"A stop is in force: {switch.get_level_display()}", text=stop_words(switch)
        )
    return switch


def stop_clear(*, switch: StopSwitch, actor: User | None) -> bool:
    """Lift one stop; True when it was in force. Raises PermissionDenied for what the actor may not lift."""
    _target, owner = stop_target_check(switch.scope, switch.target, actor)
    if switch.imposed and not (actor is None or actor.is_staff):
        raise PermissionDenied("Staff put this stop in force; only they can lift it.")
    with transaction.atomic():
        lifted = StopSwitch.objects.filter(pk=switch.pk, cleared_at=None).update(cleared_at=now())
        if lifted:
            detail = {"scope": switch.scope, "target": switch.target}
            audit_record(actor=actor, action="stop.cleared", obj=switch, detail=detail)
            _tell(switch.scope, switch.target, 0, owner)
    return bool(lifted)


def stops_clear(*, scope: str, target: str, actor: User | None, imposed: bool) -> int:
    """Lift what is in force on one target: what staff put there (`imposed`) or its owner; returns how many."""
    in_force = StopSwitch.objects.filter(scope=scope, target=target, imposed=imposed, cleared_at=None)
    return sum(stop_clear(switch=switch, actor=actor) for switch in in_force)


def _put(values: dict[str, Any], actor: User | None) -> tuple[StopSwitch, bool]:
    """The stop in force now, and whether it is a new one."""
    place = {name: values[name] for name in ("scope", "target", "imposed")}
    in_force = StopSwitch.objects.filter(**place, cleared_at=None)
    if same := in_force.filter(level=values["level"]).first():
        return same, False
    in_force.update(cleared_at=now())
    switch = StopSwitch.objects.create(**values, set_by=actor, set_at=now())
    audit_record(actor=actor, action="stop.set", obj=switch, detail=values)
    _tell(values["scope"], values["target"], values["level"], None)
    return switch, True


def _tell(scope: str, target: str, level: int, owner: User | None) -> None:
    accounts = _accounts(scope, target)
    accounts_wake(accounts.values_list("pk", flat=True))
    trades_changed()
    payload = {"scope": scope, "target": target, "level": level}
    users = (
        set() if scope in WIDE else set(accounts.values_list("user_id", flat=True)) | ({owner.pk} if owner else set())
    )

    def send() -> None:
        if scope in WIDE:
            live.broadcast(live.Kind.STOP, payload)
        for user_id in users:
            live.push(user_id, live.Kind.STOP, payload)

    transaction.on_commit(send, robust=True)


def _accounts(scope: str, target: str) -> QuerySet[ExchangeAccount]:
    """Accounts with bots that the stop concerns; a deleted bot may still hold something."""
    return ExchangeAccount.objects.filter(bots__in=stop_bots(scope, target)).order_by().distinct()


def stop_target_check(scope: str, target: str, actor: User | None) -> tuple[str, User | None]:
    """Canonical target and the user it belongs to. Raises as `stop_set` does; staff may name a user by email."""
    if scope not in StopSwitch.Scope.values:
        raise ValidationError({"scope": [f"One of: {', '.join(StopSwitch.Scope.values)}."]})
    staff = actor is None or actor.is_staff
    if scope in WIDE:
        if not staff:
            raise PermissionDenied("Only staff may stop more than what is theirs.")
        return _wide_target(scope, target), None
    rows: dict[str, QuerySet[Any]] = {
        StopSwitch.Scope.USER: User.objects.all(),
        StopSwitch.Scope.ACCOUNT: ExchangeAccount.objects.all(),
        StopSwitch.Scope.BOT: Bot.objects.all(),
    }
    found = fields.by_reference(rows[scope], target)
    if found is None and scope == StopSwitch.Scope.USER and staff:
        found = User.objects.filter(email__iexact=target).first()
    owner = found if isinstance(found, User) else getattr(found, "user", None)
    if found is None or owner is None or not (staff or owner == actor):
        raise ValidationError({"target": [f"There is no such {scope}{'' if staff else ' of yours'}."]})
    return str(found.public_id), owner


def _wide_target(scope: str, target: str) -> str:
    if scope == StopSwitch.Scope.PLATFORM:
        return ""
    if scope == StopSwitch.Scope.EXCHANGE:
        if target not in dict(EXCHANGES):
            raise ValidationError({"target": [f"One of: {', '.join(dict(EXCHANGES))}."]})
        return target
    strategy = fields.by_reference(Strategy.objects.all(), target)
    if strategy is None:
        raise ValidationError({"target": ["There is no strategy with this id."]})
    return str(strategy.public_id)
