"""Who serves: a challenger replaces the champion only by evidence from the same held-out tail.

The rule. A challenger must first beat doing nothing, on the tail and also in the walk-forward folds before it (one
lucky tail is no proof when a model is trained every ten minutes): its skill must be no chance (lower 95 % bound of what
its log loss gains on the base rate's above zero), and its signals must pay on average, net of costs and better than
entering always. On the tail there must be at least `MIN_SIGNALS` signals in at least `MIN_BLOCKS` separate stretches of
time. Whether the pay itself may be chance is a slower question: its lower bound is in the report and in the words of
the verdict, and bots can leave the model out (`use_model`). Against a champion the challenger must then have a higher
expected net return per signal and a log loss that is not worse, both on the same rows. A tie keeps the champion.
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


def _skill_missing(measured: Evaluation, where: str) -> str:
    losses = f"log loss {measured.log_loss:.5f} against the base rate's {measured.log_loss_baseline:.5f}"
    if measured.skill_low is None or measured.skill_low <= 0.0:
        return f"Its skill {where} may be chance: {losses}."
    if measured.net_mean <= max(0.0, measured.net_all):
        return (
            f"Its signals {where} do not pay: {measured.net_mean:+.4%} each net of costs (n={measured.signals}), "
            f"entering always {measured.net_all:+.4%}."
        )
    return ""


def _against_nothing(new: Evaluation, walk_forward: Evaluation) -> str:
    """The first thing that is missing, or an empty string."""
    if new.signals < MIN_SIGNALS:
        return f"Only {new.signals} signals on the held-out tail; {MIN_SIGNALS} are needed."
    if new.blocks < MIN_BLOCKS:
        return f"Its signals fall into {new.blocks} stretches of time; {MIN_BLOCKS} are needed."
    return _skill_missing(new, "on the held-out tail") or _skill_missing(walk_forward, "in the walk-forward folds")


def improves(challenger: Evaluation, rival: Evaluation) -> bool:
    """Whether the challenger has more net return a signal and a log loss that is not worse, on the same rows."""
    return challenger.net_mean > rival.net_mean and challenger.log_loss <= rival.log_loss


def verdict(challenger: Evaluation, champion: Evaluation | None, walk_forward: Evaluation) -> Verdict:
    """Decide by the rule above.

    `challenger` and `champion` are measured on the same held-out rows, `walk_forward` is the challenger's recipe on
    its out-of-fold rows.
    """
    missing = _against_nothing(challenger, walk_forward)
    if missing:
        return Verdict(False, missing)
    bound = "unknown" if challenger.net_low is None else f"{challenger.net_low:+.4%}"
    facts = (
        f"{challenger.net_mean:+.4%} a signal (lower bound {bound}, n={challenger.signals}), "
        f"log loss {challenger.log_loss:.5f}"
    )
    if champion is None:
        return Verdict(True, f"First model to beat the base rate: {facts} against {challenger.log_loss_baseline:.5f}.")
    rival = f"{champion.net_mean:+.4%} a signal (n={champion.signals}), log loss {champion.log_loss:.5f}"
    if challenger.net_mean <= champion.net_mean:
        return Verdict(False, f"Expected net return is not higher than the champion's: {facts} against {rival}.")
    if challenger.log_loss > champion.log_loss:
        return Verdict(False, f"Log loss is worse than the champion's: {facts} against {rival}.")
    return Verdict(True, f"Better than the champion on the same tail: {facts} against {rival}.")
