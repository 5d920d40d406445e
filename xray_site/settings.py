"""Settings, all driven by the environment (and by `.env`); every name is described in `docs/settings.md`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.templatetags.static import static

from xray_site.env import NamedEnv

BASE_DIR = Path(__file__).resolve().parent.parent
env = NamedEnv()
if env.bool("XRAY_READ_DOTENV", default=True) and (BASE_DIR / ".env").exists():
    environ.Env.read_env(BASE_DIR / ".env")

# --- core -----------------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
VAR_DIR = env.folder("XRAY_VAR_DIR", BASE_DIR / "var")
XRAY_KERNEL_DIR = env("XRAY_KERNEL_DIR", default=str(BASE_DIR / "var" / "kernels"))  # shared by all state folders
ROOT_URLCONF = "xray_site.urls"
ASGI_APPLICATION = "xray_site.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["xray_site.formats"]
LANGUAGES = [("en", "English"), ("ru", "Русский")]
USE_I18N = True

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "channels",
    "axes",
    "django_htmx",
    "accounts",
    "signals",
    "mlmodels",
    "trading",
    "xray_site",
]

MIDDLEWARE = [
    "accounts.middleware.TypedSecrets",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "trading.context_processors.shell",
            ],
        },
    },
]

# --- database and cache ---------------------------------------------------------------------------------------------
DATABASE_URL = env.url("DATABASE_URL", ("postgres", "postgresql"), "postgres://user:password@127.0.0.1:5432/xray")
if DATABASE_URL:
    DATABASES: dict[str, Any] = {"default": env.db_url_config(DATABASE_URL)}
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # The pool asks before it lends: after a restart of the server, every connection in it would fail one task or page.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Only those of `trading.statements` are ever prepared by the server: Django composes its own as text.
    prepared = 5 if env.bool("XRAY_PREPARED_STATEMENTS", default=True) else None
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 8}, "prepare_threshold": prepared}
else:
    # Measured: with Django's defaults a third of concurrent writes fail with "database is locked", with these none.
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": env("XRAY_SQLITE", default=str(VAR_DIR / "xray.sqlite3")),
            "TEST": {"NAME": str(VAR_DIR / "test.sqlite3")},  # a file, so that threads meet as they do in the demo
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000",
            },
        }
    }

REDIS_URL = env.url("REDIS_URL", ("redis", "rediss"), "redis://127.0.0.1:6379/0")
if REDIS_URL:
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "xray",
        }
    }
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "capacity": 1000},
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 5000}}}
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "accounts.channel_layer.ThreadSafeInMemoryChannelLayer", "CONFIG": {"capacity": 1000}}
    }

# --- Celery ---------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600} if REDIS_URL else {"polling_interval": 0.02}
CELERY_BEAT_SCHEDULER = "xray_site.beat:XrayScheduler"
CELERY_RESULT_EXPIRES = None
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- login, API, security -------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "username"  # else axes looks for "email" and counts all failures of an address as one
AXES_LOCKOUT_CALLABLE = "accounts.lockout.lockout_response"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("XRAY_HTTPS", default=False)
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-inline'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", "ws:", "wss:"],
        "frame-ancestors": ["'none'"],
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pagination.CreatedCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["accounts.api.filters.StrictFilterBackend"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "accounts.api.errors.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "PAGE_SIZE": 50,
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=30), "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "Market X-Ray API",
    "VERSION": "0.1.0",
    "DESCRIPTION": "What a page can do, a script can do. Amounts are decimal strings, times are UTC. A request that"
    " trades may carry an Idempotency-Key: repeated with it after a lost answer, it is done once.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api",
    "ENUM_NAME_OVERRIDES": {"ExchangeEnum": "accounts.models.EXCHANGES"},
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "accounts.api.schema.errors_documented"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- static files ---------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True

# --- errors and logs -------------------------------------------------------------------------------------------------
DEFAULT_EXCEPTION_REPORTER = "xray_site.error_reports.ScrubbedReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "xray_site.error_reports.MaskingFilter"
LOG_LEVEL = env("XRAY_LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "accounts.scrub.ScrubFormatter",
            "format": "{asctime} {levelname:7} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {name: {"level": LOG_LEVEL} for name in ("accounts", "signals", "mlmodels", "trading", "xray_site")},
}

# --- the platform ---------------------------------------------------------------------------------------------------
XRAY_EXCHANGES = ("binance", "bybit", "kucoin", "mexc", "okx")
XRAY_EXCHANGE_ENDPOINTS = env("XRAY_EXCHANGE_ENDPOINTS", default="")
XRAY_MARKET_EXCHANGES = env.list("XRAY_MARKET_EXCHANGES", default=["binance"])  # whose markets are scanned
XRAY_TIMEFRAMES = env.list("XRAY_TIMEFRAMES", default=["1m"])
XRAY_SCAN_BACKEND = env("XRAY_SCAN_BACKEND", default="auto")  # auto, cpu or gpu (signals.scan.backend)
XRAY_SECONDS = env.bool("XRAY_SECONDS", default=False)  # 1-second candles from the trade stream
XRAY_SECONDS_STORE = env.bool("XRAY_SECONDS_STORE", default=False)  # and to disk
XRAY_LIVE_TRADING = env.bool("XRAY_LIVE_TRADING", default=False)
XRAY_MASTER_KEYS = env("XRAY_MASTER_KEYS", default="")  # "keyid:base64,keyid:base64", the first one encrypts
XRAY_MASTER_KEYS_FILE = env("XRAY_MASTER_KEYS_FILE", default="")
XRAY_MARKET_DATA = env("XRAY_MARKET_DATA", default="")
BASE_MAX_SYMBOLS = env.int("BASE_MAX_SYMBOLS", default=100)
BATCH_SIZE = env.int("BATCH_SIZE", default=50)
MAX_SPREAD_PERCENT = env.float("MAX_SPREAD_PERCENT", default=0.01)  # a fraction: 1 %
XRAY_EXCHANGE_TIMEOUT_S = env.float("XRAY_EXCHANGE_TIMEOUT_S", default=10.0)
XRAY_OUTGOING_ADDRESS = env("XRAY_OUTGOING_ADDRESS", default="")  # processes behind one address share its limits
XRAY_TRAIN_EVERY_S = env.int("XRAY_TRAIN_EVERY_S", default=600)
XRAY_KEYS_VERIFY_EVERY_S = env.int("XRAY_KEYS_VERIFY_EVERY_S", default=86400)
XRAY_DEMO = env("XRAY_DEMO", default="")  # "0": commands take no demo's settings (xray_site.demo.beside)
XRAY_EMBEDDED = env.bool("XRAY_EMBEDDED", default=False)  # the one-process demo: worker, beat and streams as threads
XRAY_SIGNUP = env.bool("XRAY_SIGNUP", default=True)  # visitors may make a trader of themselves
XRAY_DEPLOYMENT_ID = env("XRAY_DEPLOYMENT_ID", default="")  # random, part of every client order id
XRAY_DEMO_STAFF_PASSWORD = env("XRAY_DEMO_STAFF_PASSWORD", default="")  # no password: that demo user is not made
XRAY_DEMO_PAPER_PASSWORD = env("XRAY_DEMO_PAPER_PASSWORD", default="")
XRAY_DEMO_PRACTICE_PASSWORD = env("XRAY_DEMO_PRACTICE_PASSWORD", default="")
XRAY_DEMO_API_KEY = env("XRAY_DEMO_API_KEY", default="")  # keys at another server behind XRAY_EXCHANGE_ENDPOINTS
XRAY_DEMO_API_SECRET = env("XRAY_DEMO_API_SECRET", default="")
PRACTICE_ADMIN_TOKEN = env("PRACTICE_ADMIN_TOKEN", default="")  # lets demo_setup make keys at the practice exchange
XRAY_STRATEGY_DIR = env("XRAY_STRATEGY_DIR", default="")  # custom strategies; "strategies" in the state folder
XRAY_STRATEGY_TIMEOUT_S = env.float("XRAY_STRATEGY_TIMEOUT_S", default=2.0)  # of one custom strategy in one scan
XRAY_STRATEGY_MEMORY_MB = env.int("XRAY_STRATEGY_MEMORY_MB", default=512)
XRAY_STRATEGY_UNSAFE = env.bool("XRAY_STRATEGY_UNSAFE", default=False)  # run them where the kernel shuts nothing in

env.within("BASE_MAX_SYMBOLS", BASE_MAX_SYMBOLS, 1, 5000)
env.within("BATCH_SIZE", BATCH_SIZE, 1, 1000)
env.within("MAX_SPREAD_PERCENT", MAX_SPREAD_PERCENT, 0, 1)
env.within("XRAY_EXCHANGE_TIMEOUT_S", XRAY_EXCHANGE_TIMEOUT_S, 0.1, 120)
env.within("XRAY_TRAIN_EVERY_S", XRAY_TRAIN_EVERY_S, 10, 30 * 86400)
env.within("XRAY_KEYS_VERIFY_EVERY_S", XRAY_KEYS_VERIFY_EVERY_S, 600, 30 * 86400)
env.within("XRAY_STRATEGY_TIMEOUT_S", XRAY_STRATEGY_TIMEOUT_S, 0.1, 60)
env.within("XRAY_STRATEGY_MEMORY_MB", XRAY_STRATEGY_MEMORY_MB, 64, 65536)
XRAY_ENV_PROBLEMS = tuple(env.problems)  # reported by xray_site.checks

# --- admin ----------------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Market X-Ray",
    "SITE_HEADER": "Market X-Ray",
    "SITE_SYMBOL": "monitoring",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/favicon.svg")}],
    "DASHBOARD_CALLBACK": "xray_site.dashboard.dashboard_callback",
    "STYLES": [lambda request: static("css/tokens.css"), lambda request: static("css/admin.css")],
    "SIDEBAR": {"show_search": True, "show_all_applications": True},
    "COLORS": {
        "primary": {
            "50": "#eef0fd",
            "100": "#dde1fb",
            "200": "#c0c7f7",
            "300": "#95a2ff",
            "400": "#7482f2",
            "500": "#5563e6",
            "600": "#4150d0",
            "700": "#3541aa",
            "800": "#2b3587",
            "900": "#232b6b",
            "950": "#151a44",
        }
    },
}
