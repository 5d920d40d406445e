"""Celery's way into trading: each task calls one service, may be delivered twice, and is only a wake-up.

What there is to do stands in the database (`Intent`, `Order`, `Position`); the sweeper finds it after any loss.
"""

import logging

from celery import shared_task

from accounts.exchanges.errors import ExchangeError
from trading.leases import LeaseBusy, LeaseLost
from trading.services import snapshots, work
from trading.services.intents import intents_fan_out
from trading.services.sweep import sweep_run
from trading.services.sweep_runs import sweep_run_execute
from trading.services.wakes import account_wake_now, wake_taken

logger = logging.getLogger(__name__)


@shared_task(name="trading.tasks.fan_out")
def fan_out(signal_ids: list[int]) -> int:
    """Intents for every bot that wants one of these signals."""
    return intents_fan_out(signal_ids=signal_ids)


@shared_task(name="trading.tasks.account_work")
def account_work(account_id: int) -> int:
    """Do what waits for one account. When another worker holds its lease, come back in a moment."""
    wake_taken(account_id)
    try:
        return work.account_work(account_id=account_id)
    except (LeaseBusy, LeaseLost):
        account_wake_now(account_id, delay_s=0.5)
    except ExchangeError as error:
        logger.warning("account %s: %s; the sweeper comes back to it", account_id, error)
    return 0


@shared_task(name="trading.tasks.sweep")
def sweep() -> int:
    """Wake accounts with work that nobody was woken for (beat)."""
    return sweep_run()


@shared_task(name="trading.tasks.snapshots_take")
def snapshots_take() -> int:
    """Points of the equity curves (beat)."""
    return snapshots.snapshots_take_due()


@shared_task(name="trading.tasks.snapshots_thin")
def snapshots_thin() -> int:
    """Old points of the equity curves, one an hour kept (beat)."""
    return snapshots.snapshots_thin()


@shared_task(name="trading.sweeps.execute")
def sweep_execute(run_id: int) -> None:
    """Run a sweep of parameter sets that waits (on the learning queue)."""
    sweep_run_execute(run_id=run_id)
