"""Writing the audit trail."""

from typing import Any

from accounts.models import AuditEvent, User


def audit_record(
    *, actor: User | None, action: str, obj: Any = None, detail: dict[str, Any] | None = None, ip: str | None = None
) -> AuditEvent:
    """Store who did what to which object; `detail` is plain JSON without secrets, `actor` None is the platform."""
    identity = getattr(obj, "public_id", None) or getattr(obj, "pk", "")
    return AuditEvent.objects.create(
        actor=actor if actor is not None and actor.pk else None,
        action=action,
        object_type=type(obj).__name__ if obj is not None else "",
        object_id=str(identity or ""),
        detail=detail or {},
        ip_address=ip or None,
    )
