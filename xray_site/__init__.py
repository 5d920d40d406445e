"""Wiring of Market X-Ray: settings, Celery, ASGI, URLs, health and the demo's supervisor."""

import decimal

# Money needs 60 digits. Threads copy DefaultContext, so it is set here, before any is started.
decimal.DefaultContext.prec = 60
decimal.setcontext(decimal.DefaultContext.copy())
