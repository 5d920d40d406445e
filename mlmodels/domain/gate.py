"""Who serves: a challenger replaces the champion only by evidence from the same held-out tail.

The rule. A challenger must first beat doing nothing on the tail: at least `MIN_SIGNALS` signals in at least
`MIN_BLOCKS` separate stretches of time, a log loss below that of the base rate, and an expected net return whose lower
95 % bound is above zero, there and in the walk-forward folds before the tail (one lucky tail is no proof when a model
is trained every ten minutes). Against a champion it must then have a higher expected net return per signal and a log
loss that is not worse, both on the same rows. A tie keeps the champion.
"""

from dataclasses import dataclass

from mlmodels.domain.evaluation import Evaluation

MIN_SIGNALS = 40
MIN_BLOCKS = 4


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger takes over, and why or why not, in words."""

    promote: bool
    reason: str


def _bound_missing(measured: Evaluation, where: str) -> str:
    if measured.net_low is not None and measured.net_low > 0.0:
        return ""
    bound = f"{measured.net_low:+.4%}" if measured.net_low is not None else "unknown"
    return (
        f"Its expected net return {where}, {measured.net_mean:+.4%} a signal (n={measured.signals}), may be chance: "
        f"the lower bound is {bound}, not above zero."
    )


def _against_nothing(new: Evaluation, walk_forward: Evaluation) -> str:
    """The first thing that is missing, or an empty string."""
    if new.signals < MIN_SIGNALS:
        return f"Only {new.signals} signals on the held-out tail; {MIN_SIGNALS} are needed."
    if new.blocks < MIN_BLOCKS:
        return f"Its signals fall into {new.blocks} stretches of time; {MIN_BLOCKS} are needed."
    if new.log_loss >= new.log_loss_baseline:
        return f"Its log loss {new.log_loss:.5f} does not beat the base rate's {new.log_loss_baseline:.5f}."
    return _bound_missing(new, "on the held-out tail") or _bound_missing(walk_forward, "in the walk-forward folds")


def verdict(challenger: Evaluation, champion: Evaluation | None, walk_forward: Evaluation) -> Verdict:
    """Decide by the rule above.

    `challenger` and `champion` are measured on the same held-out rows, `walk_forward` is the challenger's recipe on
    its out-of-fold rows.
    """
    missing = _against_nothing(challenger, walk_forward)
    if missing:
        return Verdict(False, missing)
    facts = f"{challenger.net_mean:+.4%} a signal (n={challenger.signals}), log loss {challenger.log_loss:.5f}"
    if champion is None:
        return Verdict(True, f"First model to beat the base rate: {facts} against {challenger.log_loss_baseline:.5f}.")
    rival = f"{champion.net_mean:+.4%} a signal (n={champion.signals}), log loss {champion.log_loss:.5f}"
    if challenger.net_mean <= champion.net_mean:
        return Verdict(False, f"Expected net return is not higher than the champion's: {facts} against {rival}.")
    if challenger.log_loss > champion.log_loss:
        return Verdict(False, f"Log loss is worse than the champion's: {facts} against {rival}.")
    return Verdict(True, f"Better than the champion on the same tail: {facts} against {rival}.")
