"""Forms of login and sign-up."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import password_validators_help_texts


class LoginForm(AuthenticationForm):
    """Email and password; the email's case does not matter."""

    username = forms.EmailField(
        label="Email", widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )
    error_messages = {
        "invalid_login": "This email and password do not match. Check both; after several failures login pauses.",
        "inactive": "This user was deactivated. Ask the staff of this platform.",
    }

    def clean_username(self) -> str:
        """Users are stored with lower-case emails."""
        return str(self.cleaned_data["username"]).strip().lower()


class SignupForm(forms.Form):
    """A new trader. The service checks; the form only carries the fields and their messages."""

    name = forms.CharField(
        label="Name", max_length=120, required=False, widget=forms.TextInput({"autocomplete": "name"})
    )
    email = forms.EmailField(label="Email", widget=forms.EmailInput({"autocomplete": "email"}))
    password = forms.CharField(
        label="Password", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = " ".join(password_validators_help_texts())
