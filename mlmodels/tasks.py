"""Tasks of learning: beat asks, a process of its own trains."""

from celery import shared_task
from django.conf import settings


@shared_task(name="mlmodels.tasks.train_due")
def train_due() -> int:
    """Start training where it is due; returns how many processes were started. At most one starts at a time."""
    from mlmodels.services.schedule import training_claim
    from mlmodels.trainer_process import trainer_start

    for exchange in settings.XRAY_MARKET_EXCHANGES:
        for timeframe in settings.XRAY_TIMEFRAMES:
            run = training_claim(exchange=exchange, timeframe=timeframe)
            if run is not None:
                trainer_start(run)
                return 1
    return 0
