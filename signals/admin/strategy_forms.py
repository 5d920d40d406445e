"""The form of a strategy version: a field for each parameter that it declares, checked by that declaration."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from signals.domain.strategies import ParameterError
from signals.domain.strategies.base import Parameter
from signals.models import Strategy
from signals.services.strategies import parameters_check

PREFIX = "parameter_"
SHORT = ("adx", "atr", "rsi")  # names that are written in capitals


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    """One version; `version_form` adds the fields. After `is_valid`, `given` holds all parameters."""

    declared: tuple[Parameter, ...] = ()

    class Meta:
        model = Strategy
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.given: dict[str, float] = dict(self.instance.parameters)
        for parameter in self.declared:
            self.initial[PREFIX + parameter.name] = f"{self.given.get(parameter.name, parameter.default):.12g}"

    def clean(self) -> dict[str, Any]:
        """Each parameter alone, then together; a mistake is told at its field."""
        cleaned = super().clean() or self.cleaned_data
        for parameter in self.declared:
            if (field := PREFIX + parameter.name) in cleaned:
                try:
                    self.given[parameter.name] = parameter.checked(cleaned[field])
                except ParameterError as error:
                    self.add_error(field, str(error))
        if self.declared and not self.errors:
            self._check_together()
        return cleaned

    def _check_together(self) -> None:
        try:
            self.given = parameters_check(strategy=self.instance, parameters=self.given)
        except ParameterError as error:  # its words begin with the parameter that must change
            field = PREFIX + str(error).split()[0]
            self.add_error(field if field in self.fields else None, str(error))


def version_form(declared: tuple[Parameter, ...]) -> type[VersionForm]:
    """The form of a version with these parameters."""
    fields = {PREFIX + parameter.name: _field(parameter) for parameter in declared}
    return type("StrategyVersionForm", (VersionForm,), {**fields, "declared": declared})


def _field(parameter: Parameter) -> forms.Field:
    kind = "Whole number" if parameter.whole else "Number"
    told = f"{kind} from {parameter.low:g} to {parameter.high:g}, {parameter.default:g} by default."
    field = forms.IntegerField if parameter.whole else forms.FloatField
    return field(
        label=parameter.name.upper() if parameter.name in SHORT else parameter.name.replace("_", " ").capitalize(),
        help_text=f"{parameter.help} {told}",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
