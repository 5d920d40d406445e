"""The beat table: what is done again and again, and how often. Beat is the watchdog, never the clock of trading."""

from dataclasses import dataclass

from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from xray_site.checks import settings_require


@dataclass(frozen=True)
class Entry:
    """One row of the table."""

    name: str
    task: str
    every_s: int
    why: str


TABLE = (
    Entry("scan watchdog", "signals.tasks.scan_watchdog", 60, "Scans the last closed candle if its close was missed."),
    Entry("strategies reload", "signals.tasks.strategies_reload", 15, "Takes over changes that another process made."),
    Entry("markets refresh", "signals.tasks.markets_refresh", 3600, "Loads the instruments and their limits again."),
    Entry("strategy folder", "signals.tasks.custom_folder_watch", 30, "Finds new and changed custom strategies."),
    Entry("X-ray measured", "signals.tasks.xray_measure", 300, "Measures daily what strategies have paid by regime."),
    Entry("coin groups", "signals.tasks.groups_measure", 21_600, "Measures which coins move together."),
    Entry("keys verified", "accounts.tasks.keys_verify_due", 60, "Asks exchanges again what stored keys may do."),
    Entry("execution sweep", "trading.tasks.sweep", 10, "Finds intents whose wake-up was lost."),
    Entry("equity snapshots", "trading.tasks.snapshots_take", 30, "Writes a point of every account's equity curve."),
    Entry("snapshots thinned", "trading.tasks.snapshots_thin", 86_400, "Keeps one old point of the curve an hour."),
    Entry("source weights", "signals.tasks.weights_learn", 60, "Learns the sources' weights from closed trades."),
    Entry("training due", "mlmodels.tasks.train_due", 60, "Starts a training when enough is new."),
)


def schedule_install() -> int:
    """Make the rows that are missing; how many were made. Rows that staff have edited in the admin stay as they are."""
    made = 0
    for entry in TABLE:
        interval, _ = IntervalSchedule.objects.get_or_create(every=entry.every_s, period=IntervalSchedule.SECONDS)
        _, created = PeriodicTask.objects.get_or_create(
            name=entry.name, defaults={"task": entry.task, "interval": interval, "description": entry.why}
        )
        made += created
    return made


class XrayScheduler(DatabaseScheduler):  # type: ignore[misc]
    """The database scheduler (rows editable in the admin), which makes the table's missing rows when it starts."""

    def setup_schedule(self) -> None:
        """Called once by beat before its first tick."""
        settings_require()
        schedule_install()
        super().setup_schedule()
