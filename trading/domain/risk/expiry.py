"""An old entry is dropped, not executed late."""

from trading.domain.risk.view import Denial, RiskView, denial


def check(view: RiskView) -> Denial | None:
    """An entry is good until its expiry; exits never expire."""
    until = view.intent.expires_at
    if until is None or view.at < until:
        return None
    late = int((view.at - until).total_seconds())
    return denial("expiry", f"The entry expired {late} s ago.", expires_at=until.isoformat(), at=view.at.isoformat())
