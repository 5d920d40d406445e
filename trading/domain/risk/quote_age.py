"""No entry on a price that is missing, crossed or old."""

from datetime import timedelta

from trading.domain.risk.view import Denial, RiskView, denial

QUOTE_MAX_AGE = timedelta(seconds=60)  # an older quote touches no level and fills no paper order


def check(view: RiskView) -> Denial | None:
    """A quote must have 0 < bid <= ask and be at most as old as the platform allows (60 s)."""
    quote = view.quote
    if not 0 < quote.bid <= quote.ask:
        reason = f"The market shows no usable price (bid {quote.bid}, ask {quote.ask})."
        return denial("quote_age", reason, bid=quote.bid, ask=quote.ask)
    age = view.at - quote.at
    most = view.limits.quote_age
    if age <= most:
        return None
    seconds, allowed = int(age.total_seconds()), int(most.total_seconds())
    return denial("quote_age", f"The last price is {seconds} s old; {allowed} s are allowed.", age_s=seconds)
