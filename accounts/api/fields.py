"""Serializer parts that all rooms share."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.fields import ExactDecimalField, decimal_text, storable


@extend_schema_field({"type": "string", "format": "decimal", "example": "123456789.123456789012"})
class ExactDecimal(serializers.Field):  # type: ignore[type-arg]
    """An exact amount, as text: no exponent, no trailing zeros. Only ever an output."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "read_only": True})

    def to_representation(self, value: Any) -> str:
        """Canonical text."""
        return decimal_text(value if isinstance(value, Decimal) else Decimal(str(value)))


class PublicSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """A row by its public id, its amounts as text. Read only: services write."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, ExactDecimalField: ExactDecimal}


class StrictSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Input that refuses unknown fields by name."""

    def to_internal_value(self, data: Any) -> Any:
        """Unknown fields first, so that a misspelt optional field is not silently left out."""
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            words = f"There is no such field. Known fields: {', '.join(self.fields)}."
            raise serializers.ValidationError({name if storable(name) else "general": [words] for name in unknown})
        return super().to_internal_value(data)


class ReasonInput(StrictSerializer):
    """Why, in words (optional)."""

    reason = serializers.CharField(
        max_length=240, required=False, allow_blank=True, default="", help_text="Shown beside the status."
    )
