"""The two statements that turn signals into intents for every bot that wants them, for SQLite and PostgreSQL.

Fan-out is set-based on purpose: one statement serves thousands of bots. Exact decimals are compared as floats here
only for the confidence threshold, where the last digit decides nothing about money.
"""

from dataclasses import dataclass

_COLUMNS = """
INSERT INTO trading_intent (
    public_id, bot_id, config_id, account_id, instrument_id, signal_id, position_id, purpose, side, confidence,
    amount_quote, limit_price, status, reason, expires_at, fencing_token, created_at, claimed_at, decided_at)
"""
_ONE_BOT = " AND b.id = %(bot)s"
_OPEN = "('opening', 'open', 'closing')"
_WAITING = "('pending', 'claimed')"
_BLACKLISTED = """k.lifted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
                AND (k.user_id IS NULL OR k.user_id = b.user_id) AND k.exchange IN ('', i.exchange)
                AND k.symbol IN ('', i.symbol) AND k.kind IN ('', t.kind)"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the two databases say differently. `same` compares a switch's target with a uuid column, `voted` looks for
    it among the voters of an aggregate.
    """

    new_uuid: str
    number: str
    in_signals: str
    has_symbol: str
    same: str
    attested: str
    voted: str


SQLITE = Dialect(
    new_uuid="lower(hex(randomblob(16)))",
    number="REAL",
    in_signals="IN (SELECT value FROM json_each(%(signals)s))",
    has_symbol="(json_array_length(c.symbols) = 0 OR EXISTS "
    "(SELECT 1 FROM json_each(c.symbols) wanted WHERE wanted.value = i.symbol))",
    same="replace(w.target, '-', '') = {column}",
    attested="COALESCE(json_extract(a.permissions, '$.attested_by'), '') <> ''",
    voted="EXISTS (SELECT 1 FROM json_each(s.votes) v WHERE json_extract(v.value, '$.strategy') = w.target)",
)
POSTGRESQL = Dialect(
    new_uuid="gen_random_uuid()",
    number="double precision",
    in_signals="= ANY(%(signals)s)",
    has_symbol="(jsonb_array_length(c.symbols) = 0 OR jsonb_exists(c.symbols, i.symbol))",
    same="w.target = {column}::text",
    attested="COALESCE(a.permissions ->> 'attested_by', '') <> ''",
    voted="s.votes @> jsonb_build_array(jsonb_build_object('strategy', w.target))",
)


def dialect_for(vendor: str) -> Dialect:
    """The dialect of a Django connection's vendor."""
    return POSTGRESQL if vendor == "postgresql" else SQLITE


def entries_sql(dialect: Dialect, *, one_bot: bool = False) -> str:
    """Entry intents for running bots: the best signal per instrument, then as many as the bot has free slots.

    Ties are broken by confidence, then symbol. A bot that already got an entry from this batch gets no second helping,
    so that a repeated delivery changes nothing.
    """
    return f"""{_COLUMNS}
SELECT {dialect.new_uuid}, r.bot_id, r.config_id, r.account_id, r.instrument_id, r.signal_id, NULL, 'entry', 'buy',
    r.confidence, NULL, NULL, 'pending', '', %(expires)s, NULL, %(now)s, NULL, NULL
FROM (
    SELECT q.*, ROW_NUMBER() OVER (PARTITION BY q.bot_id ORDER BY q.confidence DESC, q.symbol) AS place
    FROM (
        SELECT b.id AS bot_id, c.id AS config_id, a.id AS account_id, i.id AS instrument_id, s.id AS signal_id,
            s.confidence AS confidence, i.symbol AS symbol, c.max_positions AS max_positions,
            ROW_NUMBER() OVER (PARTITION BY b.id, i.id ORDER BY s.confidence DESC, s.id) AS best
        FROM signals_signal s
        JOIN signals_instrument i ON i.id = s.instrument_id AND i.active
        JOIN signals_strategy t ON t.id = s.strategy_id
        JOIN accounts_exchangeaccount a ON a.exchange = i.exchange AND a.quote_currency = i.quote
        JOIN trading_bot b ON b.account_id = a.id AND b.status = 'running' AND b.deleted_at IS NULL
        JOIN trading_botconfig c ON c.id = b.config_id AND c.timeframe = s.timeframe
        JOIN accounts_user u ON u.id = b.user_id AND u.is_active
        WHERE s.id {dialect.in_signals} AND s.side = 'buy'
            AND a.status = 'active' AND (a.mode = 'paper' OR a.verification IN ('verified', 'not_needed')
                OR (a.verification = 'unproven' AND {dialect.attested}))
            AND (a.mode <> 'live' OR (a.live_enabled AND %(live)s))
            AND {_wanted(dialect)}{_ONE_BOT if one_bot else ""}
            AND NOT EXISTS (SELECT 1 FROM trading_position p
                WHERE p.bot_id = b.id AND p.instrument_id = i.id AND p.status IN {_OPEN})
            AND NOT EXISTS (SELECT 1 FROM trading_intent n WHERE n.bot_id = b.id AND n.purpose = 'entry'
                AND (n.signal_id {dialect.in_signals} OR (n.instrument_id = i.id AND n.status IN {_WAITING})))
            AND NOT EXISTS (SELECT 1 FROM trading_stopswitch w WHERE w.cleared_at IS NULL AND ({_stops(dialect)}))
            AND NOT EXISTS (SELECT 1 FROM signals_blacklist k WHERE {_BLACKLISTED})
    ) q
    WHERE q.best = 1
) r
WHERE r.place <= r.max_positions
    - (SELECT COUNT(*) FROM trading_position p WHERE p.bot_id = r.bot_id AND p.status IN {_OPEN})
    - (SELECT COUNT(*) FROM trading_intent n WHERE n.bot_id = r.bot_id AND n.status IN {_WAITING}
        AND n.purpose IN ('entry', 'manual_entry'))
ON CONFLICT DO NOTHING"""


def exits_sql(dialect: Dialect, *, one_bot: bool = False) -> str:
    """Exit intents for open positions whose configuration follows the signal; stops never hold an exit back."""
    return f"""{_COLUMNS}
SELECT {dialect.new_uuid}, r.bot_id, r.config_id, r.account_id, r.instrument_id, r.signal_id, r.position_id, 'exit',
    'sell', r.confidence, NULL, NULL, 'pending', '', NULL, NULL, %(now)s, NULL, NULL
FROM (
    SELECT p.bot_id AS bot_id, c.id AS config_id, p.account_id AS account_id, i.id AS instrument_id,
        s.id AS signal_id, p.id AS position_id, s.confidence AS confidence,
        ROW_NUMBER() OVER (PARTITION BY p.id ORDER BY s.confidence DESC, s.id) AS best
    FROM signals_signal s
    JOIN signals_instrument i ON i.id = s.instrument_id
    JOIN signals_strategy t ON t.id = s.strategy_id
    JOIN trading_position p ON p.instrument_id = i.id AND p.status = 'open' AND p.opened_at < %(closed)s
    JOIN trading_bot b ON b.id = p.bot_id AND b.status IN ('running', 'paused')
    JOIN trading_botconfig c ON c.id = p.config_id AND c.timeframe = s.timeframe
    WHERE s.id {dialect.in_signals} AND s.side = 'sell'
        AND {_wanted(dialect)}{_ONE_BOT if one_bot else ""}
        AND NOT EXISTS (SELECT 1 FROM trading_intent n
            WHERE n.position_id = p.id AND n.status IN {_WAITING} AND n.side = 'sell')
) r
WHERE r.best = 1
ON CONFLICT DO NOTHING"""


def accounts_sql(dialect: Dialect) -> str:
    """Accounts that have something to do because of these signals."""
    return f"SELECT DISTINCT account_id FROM trading_intent WHERE signal_id {dialect.in_signals} AND status = 'pending'"


def _wanted(dialect: Dialect) -> str:
    """Symbol, source and confidence, as the configuration wants them; a disabled strategy is heard by nobody.

    Who follows the aggregate follows whichever version of it is in force.
    """
    return f"""{dialect.has_symbol} AND t.enabled
            AND (c.strategy_id = t.id OR (c.source = 'aggregate' AND t.kind = 'aggregate')
                OR (t.kind = 'model' AND c.use_model))
            AND s.confidence >= CAST(c.confidence_threshold AS {dialect.number})"""


def _stops(dialect: Dialect) -> str:
    scopes = {"strategy": "t.public_id", "user": "u.public_id", "account": "a.public_id", "bot": "b.public_id"}
    """A stop on a strategy also holds back aggregates that it voted in."""
    each = [f"(w.scope = '{scope}' AND {dialect.same.format(column=column)})" for scope, column in scopes.items()]
    voted = f"(w.scope = 'strategy' AND {dialect.voted})"
    return " OR ".join(["w.scope = 'platform'", "(w.scope = 'exchange' AND w.target = a.exchange)", voted, *each])
