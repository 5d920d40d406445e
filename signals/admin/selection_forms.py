"""Forms of the selection's steps: a field for each parameter that the filter declares, checked by that declaration."""

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from signals.domain.selection import REGISTRY, Filter, FilterError, filter_of
from signals.domain.selection.parameters import Choice, Names, Number, Parameter, plain
from signals.models import SelectionStep

PREFIX = "parameter_"


class StepAddForm(forms.ModelForm):  # type: ignore[type-arg]
    """Which filter; its parameters begin with their defaults and are shown next."""

    kind = forms.ChoiceField(
        choices=[(kind, f"{rules.title}: {rules.help}") for kind, rules in REGISTRY.items()],
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = SelectionStep
        fields = ("kind", "exchange", "position", "enabled")

    def clean(self) -> dict[str, Any]:
        """The defaults of the filter."""
        cleaned = super().clean() or self.cleaned_data
        if kind := cleaned.get("kind"):
            self.instance.parameters = filter_of(kind).validate({})
        return cleaned


class StepForm(forms.ModelForm):  # type: ignore[type-arg]
    """One step; `step_form` adds the fields of its filter."""

    rules: Filter | None = None

    class Meta:
        model = SelectionStep
        fields = ("exchange", "position", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.rules.parameters if self.rules else ():
            stored = (self.instance.parameters or {}).get(parameter.name, parameter.default)
            self.initial[PREFIX + parameter.name] = _shown(parameter, stored)

    def clean(self) -> dict[str, Any]:
        """Each parameter alone, then together; a mistake is told at its field."""
        cleaned = super().clean() or self.cleaned_data
        given = {
            parameter.name: _said(parameter, cleaned[PREFIX + parameter.name])
            for parameter in (self.rules.parameters if self.rules else ())
            if PREFIX + parameter.name in cleaned
        }
        if self.rules is not None and not self.errors:
            try:
                self.instance.parameters = self.rules.validate(given)
            except FilterError as error:
                field = PREFIX + error.parameter
                self.add_error(field if field in self.fields else None, str(error))
        return cleaned


def step_form(kind: str) -> type[StepForm]:
    """The form of a step of this kind; without parameter fields when no such filter is known any more."""
    rules = REGISTRY.get(kind)
    fields = {PREFIX + one.name: _field(one) for one in rules.parameters} if rules else {}
    return type("KindStepForm", (StepForm,), {**fields, "rules": rules})


def parameter_fields(kind: str) -> list[str]:
    """Names of the form fields that hold the parameters of a kind."""
    rules = REGISTRY.get(kind)
    return [PREFIX + parameter.name for parameter in rules.parameters] if rules else []


def _field(parameter: Parameter) -> forms.Field:
    label = parameter.name.replace("_", " ").capitalize()
    if isinstance(parameter, Choice):
        options = [(one, one) for one in parameter.options]
        return forms.ChoiceField(label=label, choices=options, help_text=parameter.help, widget=UnfoldAdminSelectWidget)
    told = f"{parameter.help} {parameter.allowed.capitalize()}."
    if isinstance(parameter, Names):
        told = f"{parameter.help} Separated by commas or lines."
        return forms.CharField(label=label, required=False, help_text=told, widget=UnfoldAdminTextareaWidget)
    field = forms.IntegerField if parameter.whole else forms.FloatField
    return field(label=label, help_text=told, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}))


def _shown(parameter: Parameter, stored: Any) -> Any:
    """A stored value as its field shows it: numbers in full, never as 1e+06."""
    if isinstance(parameter, Names):
        return "\n".join(str(one) for one in stored)
    if isinstance(parameter, Number) and isinstance(stored, float):
        return plain(stored).replace(",", "")
    return stored


def _said(parameter: Parameter, value: Any) -> Any:
    if isinstance(parameter, Names):
        return [one for one in re.split(r"[,;\n]", value) if one.strip()]
    return value
