"""Celery tasks of accounts: they fetch ids, call one service, and own the retries."""

from celery import Task, shared_task

from accounts.exchanges.errors import ExchangeAmbiguous, ExchangeRetry

RETRIES = 4


@shared_task(name="accounts.tasks.keys_verify_due")
def keys_verify_due() -> int:
    """Have keys verified again that nobody asked about for a day (beat); returns how many."""
    from accounts.services import reverification

    return len(reverification.keys_verify_due())


@shared_task(name="accounts.tasks.account_verify", bind=True, max_retries=RETRIES)
def account_verify(self: Task, account_id: int) -> None:
    """Verify one account's keys; tried again while the exchange cannot be reached."""
    from accounts.services import verification

    try:
        verification.account_verify(account_id=account_id)
    except (ExchangeRetry, ExchangeAmbiguous) as error:
        verification.account_unreachable(account_id=account_id, reason=str(error))
        if self.request.retries < RETRIES:
            raise self.retry(countdown=5 * 2**self.request.retries, exc=error) from error
