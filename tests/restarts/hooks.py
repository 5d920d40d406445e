"""What tests switch on in running workers, by files in the state folder: loaded by `celery --include`.

`copies`: each task message that comes is delivered two to five times, at once and later, in any order, to any worker.
The others are mistakes, planted so that a test is seen to fail.
"""

import os
import random
from typing import Any

from celery import current_app, signals
from django.conf import settings

from trading import leases
from trading.brokers.live import LiveBroker

chance = random.Random(os.environ.get("RESTARTS_SEED", "0"))
if seconds := os.environ.get("RESTARTS_VISIBILITY_S"):  # when a message that nobody acknowledged is delivered again
    looks = {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}
    current_app.conf.broker_transport_options = {"visibility_timeout": float(seconds), **looks}


def on(name: str) -> bool:
    """Whether it is switched on."""
    return (settings.VAR_DIR / f"switch-{name}").exists()


@signals.task_received.connect
def multiply(request: Any, **_kwargs: Any) -> None:
    """More of a message that has come for the first time."""
    if not on("copies") or request.message.headers.get("is_copy"):
        return
    args, kwargs, _embedded = request.message.payload
    for _ in range(chance.randint(1, 4)):
        current_app.send_task(
            request.name, args, kwargs, task_id=request.id, headers={"is_copy": True},
            countdown=chance.choice([0, 0, 0.1, 0.5, 2]), queue=request.delivery_info["routing_key"],
        )  # fmt: skip


@signals.task_prerun.connect
def note(task_id: str, task: Any, **_kwargs: Any) -> None:
    """What is done, once a line, for the test to count."""
    with (settings.VAR_DIR / "delivered").open("a") as lines:
        lines.write(f"{task_id} {task.name} {os.getpid()}\n")


_recover, _claim = LiveBroker.recover, leases._claim


def recover(self: LiveBroker, order: Any, instrument: Any) -> Any:
    """Planted: an order whose answer is not known is sent again."""
    return self.submit(order, instrument) if on("resend") else _recover(self, order, instrument)


def claim(account_id: int, owner: str, at: Any, where: str, *values: Any) -> Any:
    """Planted: a lease is had by whoever asks."""
    return _claim(account_id, owner, at, "TRUE") if on("resend") else _claim(account_id, owner, at, where, *values)


LiveBroker.recover, leases._claim = recover, claim  # type: ignore[method-assign]
