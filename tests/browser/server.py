"""The site as its own process for the browser: seeds a small world, serves it, and takes commands on stdin.

Prints one JSON line when it listens. Commands, one JSON object a line: {"quote": ["SOL", "175.10"]} publishes a price,
{"push": [user_id, kind, payload]} pushes one message to a user's pages, {"broadcast": [kind, payload]} to all pages,
{"bot": status} moves the world's bot.
"""

import json
import os
import socket
import sys
import threading
from decimal import Decimal
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")

import django

django.setup()

import uvicorn  # noqa: E402 - models need the set-up above
from django.core.management import call_command  # noqa: E402

from signals.quotes import quotes_forget  # noqa: E402
from tests.pages import worlds  # noqa: E402


def commands_run(world: Any) -> None:
    from trading import live
    from trading.services import bots

    for line in sys.stdin:
        command = json.loads(line)
        if "quote" in command:
            base, bid = command["quote"]
            worlds.quote(base, Decimal(bid))
        if "push" in command:
            live.push(*command["push"])
        if "broadcast" in command:
            live.broadcast(*command["broadcast"])
        if "bot" in command:
            move = {"paused": bots.bot_pause, "running": bots.bot_start}[command["bot"]]
            move(bot=world.bot, actor=None)
    os._exit(0)


def main() -> None:
    call_command("migrate", verbosity=0)
    from tests.pages.conftest import World

    world = World()
    worlds.balances(world.account)
    other = worlds.account(world.user, "Other")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    facts = {
        "port": listener.getsockname()[1],
        "user": world.user.pk,
        "email": world.user.email,
        "account": str(world.account.public_id),
        "other_account": str(other.public_id),
        "bot": str(world.bot.public_id),
        "position": str(world.open.public_id),
        "trade": str(world.trade.public_id),
    }
    print(json.dumps(facts), flush=True)
    from xray_site.asgi import application

    threading.Thread(target=commands_run, args=(world,), daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    server.run(sockets=[listener])
    quotes_forget()


if __name__ == "__main__":
    main()
