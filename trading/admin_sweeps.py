"""Sweeps in the admin: started here or by command, followed, stopped; their map and best results."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.admin import HistoryAdmin, staff_of
from accounts.services.audit import audit_record
from signals.admin.columns import number_column
from signals.custom.resolve import names_checked, rules_checked
from signals.custom.rules import PREFIX
from signals.domain.strategies import REGISTRY, ParameterError
from signals.sweep.rules import FILLS, Rules, SweepError
from trading.models import SweepResult, SweepRun
from trading.services.sweep_runs import sweep_order, sweep_run_create, sweep_run_enqueue, sweep_run_stop
from trading.sweep_map import heat_maps, legend

NUMBERS = (
    ("fee", 0.001, "A fraction of each fill's value"),
    ("slippage", 0.0005, "A fraction by which each fill is worse than its price"),
    ("stop", 0.0, "A fraction below the entry at which to get out, 0: no stop"),
    ("take", 0.0, "A fraction above the entry at which to get out, 0: no take-profit"),
)
FILL_WORDS = {"next_open": "At the open of the next candle", "close": "At the candle's own close"}


def sources() -> list[tuple[str, str]]:
    """Folders of candles that a sweep may be started on from here."""
    root = Path(settings.XRAY_MARKET_DATA or settings.BASE_DIR.parent / "shared" / "market-data")
    found = sorted({path.parent for path in root.glob("*/*/*.parquet")}) if root.is_dir() else []
    return [(str(folder), str(folder.relative_to(root))) for folder in found]


class SweepForm(forms.ModelForm):
    """What a sweep is asked to do."""

    strategy = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    ranges = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        initial="fast=5:50\nslow=20:200:5",
        help_text="One parameter a line: fast=5:50, slow=20:200:5 or width=1.5,2. Others keep their defaults.",
    )
    source = forms.ChoiceField(widget=UnfoldAdminSelectWidget, label="Candles")
    chosen = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, label="Symbols",
        help_text="Such as BTC/USDT ETH/USDT; all of the folder without it.",
    )  # fmt: skip
    fill = forms.ChoiceField(choices=[(one, FILL_WORDS.get(one, one)) for one in FILLS], widget=UnfoldAdminSelectWidget)
    fee, slippage, stop, take = (
        forms.FloatField(initial=default, widget=UnfoldAdminTextInputWidget, help_text=f"{words}; 0.001 is 0.1 %.")
        for _, default, words in NUMBERS
    )

    top, rerun = (
        forms.IntegerField(min_value=least, initial=20, widget=UnfoldAdminTextInputWidget, help_text=words)
        for least, words in (
            (1, "How many of the best sets are kept."),
            (0, "How many of those the engine runs again."),
        )
    )

    class Meta:
        model = SweepRun
        fields = ("strategy", "ranges", "source", "chosen", "fill", "fee", "slippage", "stop", "take", "top", "rerun")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        built_in = [(kind, rules.title) for kind, rules in REGISTRY.items()]
        custom = [(f"{PREFIX}{name}", f"{name} (custom)") for name in names_checked()]
        self.fields["strategy"].choices = built_in + custom  # type: ignore[attr-defined]
        self.fields["source"].choices = sources()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The order it makes; its refusal is the form's error."""
        data = super().clean() or {}
        if self.errors:
            return data
        for name in ("fee", "slippage", "stop", "take"):
            try:
                Rules(**{name: data[name]})
            except SweepError as error:
                self.add_error(name, str(error).removeprefix(f"--{name} ").capitalize())
        if self.errors:
            return data
        try:
            rules: dict[str, Any] = {name: data[name] for name in ("fee", "slippage", "stop", "take", "fill")}
            with rules_checked(data["strategy"]) as strategy:
                self.order = sweep_order(
                    strategy=strategy, params=data["ranges"].split(), source=data["source"],
                    symbols=data["chosen"].split(), rules=rules, top=data["top"], rerun=data["rerun"],
                )  # fmt: skip
        except ParameterError as error:
            self.add_error("strategy", str(error))
        except SweepError as error:
            self.add_error("ranges", str(error).replace("--param takes", "A line is").replace("--param ", ""))
        return data


class ResultInline(TabularInline):
    """The best sets."""

    model = SweepResult
    extra = 0
    hide_title = True
    can_delete = False
    fields = ("rank", "symbol", "told", "trades", "equity", "drawdown", "engine", "engine_trades", "engine_note")
    readonly_fields = ("told", "equity", "drawdown", "engine")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    @admin.display(description="Parameters")
    def told(self, obj: SweepResult) -> str:
        """The swept ones."""
        return ", ".join(f"{name} {value:g}" for name, value in obj.params.items()) or "defaults"

    @admin.display(description="Sweep: equity")
    def equity(self, obj: SweepResult) -> str:
        """In quote currency."""
        return f"{obj.final_equity:,.2f}" + (" (holding)" if obj.open else "")

    @admin.display(description="Drawdown")
    def drawdown(self, obj: SweepResult) -> str:
        """In percent."""
        return f"{100 * obj.max_drawdown:.1f} %"

    @admin.display(description="Engine: equity")
    def engine(self, obj: SweepResult) -> str:
        """What the engine came to with the same set."""
        return "not run" if obj.engine_equity is None else f"{obj.engine_equity:,.2f}"


@admin.register(SweepRun)
class SweepRunAdmin(ModelAdmin):
    """Sweeps of parameter sets: the map of each, its best sets and what the engine made of those."""

    list_display = ("created_at", "title", "told", "status", "progress", "best", "started_by")
    list_filter = ("status", "strategy")
    list_select_related = ("started_by",)
    list_per_page = 50
    compressed_fields = True
    inlines = (ResultInline,)
    actions = ("stop",)
    change_form_outer_before_template = "admin/trading/sweep_map.html"

    class Media:
        css = {"all": ("css/tokens.css", "css/sweep.css")}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The action needs it; what was swept stays as it was."""
        return obj is None and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The form of a new one; what is told of a stored one."""
        if obj is None:
            return SweepForm.Meta.fields
        return ("status", "title", "told", "told_rules", "source", "on", "progress", "skipped", "told_notices",
                "started_by", "created_at", "started_at", "finished_at")  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nothing of a stored one can be edited."""
        return () if obj is None else ("told", "progress", "title", "told_rules", "on", "told_notices")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """No results before there are any."""
        return self.inlines if obj is not None else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A form of its own for a new one."""
        return SweepForm if obj is None else super().get_form(request, obj, change, **kwargs)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> SweepRun:
        """A stored sweep that waits."""
        return sweep_run_create(order=form.order, params=form.cleaned_data["ranges"].split(), actor=staff_of(request))

    def save_model(self, request: HttpRequest, obj: SweepRun, form: Any, change: bool) -> None:
        """It goes to the queue."""
        audit_record(actor=staff_of(request), action="sweep_started", obj=obj, detail={"params": obj.params})
        sweep_run_enqueue(run=obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """There is nothing beside it yet."""

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """With the maps."""
        run = self.get_object(request, object_id)
        running = run is not None and run.status in ("waiting", "running")
        extra = {"maps": heat_maps(run) if run else [], "running": running, "map_legend": legend(run) if run else []}
        extra["map_balance"] = f"{run.rules.get('balance', 1000.0):,.0f}" if run else ""
        return super().change_view(request, object_id, form_url, extra | (extra_context or {}))

    @admin.display(description="Strategy", ordering="strategy")
    def title(self, obj: SweepRun) -> str:
        """In words."""
        rules = REGISTRY.get(obj.strategy)
        return rules.title if rules else obj.strategy

    @admin.display(description="Rules")
    def told_rules(self, obj: SweepRun) -> str:
        """Costs and exits in percent, where orders fill, and what each set begins with."""
        parts = [f"{name} {100 * obj.rules.get(name, 0.0):g} %" for name in ("fee", "slippage")]
        parts += [
            f"{words} {100 * obj.rules[name]:g} %" if obj.rules.get(name) else f"no {words}"
            for name, words in (("stop", "stop-loss"), ("take", "take-profit"))
        ]
        fill = FILL_WORDS.get(obj.rules.get("fill", ""), "").lower()
        return ", ".join([*parts, f"filled {fill}", f"{obj.rules.get('balance', 1000.0):,.0f} to begin with"])

    @admin.display(description="Computed on")
    def on(self, obj: SweepRun) -> str:
        """CPU or GPU."""
        return obj.backend.upper() or "not yet"

    @admin.display(description="Notices")
    def told_notices(self, obj: SweepRun) -> str:
        """What went wrong or was skipped."""
        return " ".join([*map(str, obj.notices), obj.error]).strip() or "none"

    @admin.display(description="Ranges")
    def told(self, obj: SweepRun) -> str:
        """The ranges as they were written."""
        return "  ".join(obj.params) or "defaults"

    @admin.display(description="Sets")
    def progress(self, obj: SweepRun) -> str:
        """How far it is."""
        share = f" ({100 * obj.done // obj.total} %)" if obj.total and obj.status == "running" else ""
        return f"{obj.done:,} of {obj.total:,}{share}"

    @admin.display(description="Best")
    def best(self, obj: SweepRun) -> str:
        """The first result."""
        first = obj.results.first()
        return f"{first.symbol} {first.final_equity:,.2f}" if first else ""

    @admin.action(description="Stop")
    def stop(self, request: HttpRequest, queryset: QuerySet[SweepRun]) -> None:
        """Stop sweeps; what is done is kept."""
        for run in queryset:
            self.message_user(request, f"{run}: {sweep_run_stop(run=run)}", messages.INFO)


@admin.register(SweepResult)
class SweepResultAdmin(HistoryAdmin):
    """The best sets of all sweeps."""

    list_display = ("run", "rank", "symbol", "told", "n_trades", "n_equity", "n_drawdown", "n_engine")
    list_filter = ("run__strategy",)
    search_fields = ("symbol",)
    list_select_related = ("run",)

    told = ResultInline.told
    n_trades = number_column("trades", "Trades")
    n_equity = number_column("final_equity", "Sweep: equity", 2)
    n_drawdown = number_column("max_drawdown", "Drawdown", 1, scale=100.0, unit=" %")
    n_engine = number_column("engine_equity", "Engine: equity", 2)
