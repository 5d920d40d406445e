"""A small trading world in the database for tests: users, accounts, instruments, bots, intents."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from accounts.clock import clock_set
from accounts.models import ExchangeAccount, User
from signals.models import Instrument
from trading.domain.types import InstrumentSpec, Quote
from trading.models import Bot, BotConfig, Intent, Position
from trading.services.execution import account_execute

START = datetime(2024, 3, 1, tzinfo=UTC)
D = Decimal


def account_make(email="trader@example.com", **fields):
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, "a long password")
    values = {"name": "Paper", "exchange": "binance", "mode": "paper", "paper_start_balance": D(10_000)} | fields
    return ExchangeAccount.objects.create(user=user, **values)


def instrument_make(symbol="BTC/USDT", spec: InstrumentSpec | None = None, **fields):
    base, quote = symbol.split("/")
    values = {"tick_size": D("0.01"), "lot_size": D("0.0001"), "min_notional": D(5)}
    if spec is not None:
        values = {
            name: getattr(spec, name)
            for name in ("tick_size", "lot_size", "min_amount", "max_amount", "min_notional", "maker_fee", "taker_fee")
        }
    return Instrument.objects.create(
        exchange="binance", symbol=symbol, market_id=base + quote, base=base, quote=quote, **(values | fields)
    )


def bot_make(account, name="Bot", status="running", **config):
    bot = Bot.objects.create(user=account.user, account=account, name=name, status=status)
    values = {
        "confidence_threshold": D("0.1"),
        "capital_per_trade": D(200),
        "profit_target": D("0.01"),
        "stop_loss": D("0.009"),
        "entry_type": "market",
    } | config
    bot.config = BotConfig.objects.create(bot=bot, version=1, **values)
    bot.save()
    return bot


def intent_make(bot, instrument, purpose="entry", **fields):
    side = "buy" if purpose in ("entry", "manual_entry") else "sell"
    values = {"side": side, "confidence": 0.5} | fields
    return Intent.objects.create(
        bot=bot, config=bot.config, account=bot.account, instrument=instrument, purpose=purpose, **values
    )


def quote_make(symbol="BTC/USDT", bid=100, ask=None, size=1000, at=START):
    bid = D(str(bid))
    ask = bid + D("0.02") if ask is None else D(str(ask))
    return Quote(symbol, bid, ask, D(str(size)), D(str(size)), at)


class World:
    """One running bot on paper whose account is run at times and prices that a test names."""

    def __init__(self):
        self.account = account_make()
        self.btc = instrument_make()
        self.bot = bot_make(self.account)
        self.at = START

    def run(self, bid=100, seconds=10, **kwargs):
        self.at += timedelta(seconds=seconds)
        shown = [] if bid is None else [quote_make(bid=bid, at=self.at)]
        with clock_set(lambda: self.at):
            return account_execute(account_id=self.account.pk, quotes=shown, at=self.at, **kwargs)

    def entry(self, **fields):
        return intent_make(self.bot, self.btc, **fields)

    def position(self):
        return Position.objects.get()
