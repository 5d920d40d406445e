"""ccxt's clients without the other hundred exchanges.

`import ccxt.async_support` imports every exchange that ccxt knows, twice (synchronous ones, too): seconds and tens of
megabytes in every process, for one client. Here its packages (`ccxt`, `ccxt.async_support`, `ccxt.pro`) stand in
`sys.modules` without having run; whatever is asked of them is imported when it is asked. Every module of ccxt is its
own, unmodified; what is in none of those modules has the whole package run after all.
"""

import sys
import threading
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import version
from types import ModuleType
from typing import Any

PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")
_lock = threading.Lock()


class _Package(ModuleType):
    """A package of ccxt whose `__init__` did not run."""

    def __setattr__(self, name: str, value: Any) -> None:
        """An exchange's class hides its module of the same name, as it does in the package itself."""
        if isinstance(value, ModuleType) and isinstance(inner := vars(value).get(name), type):
            value = inner
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return version("ccxt")
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        for place in self._places():
            if name in vars(place):
                return vars(place)[name]
        assert self.__spec__ is not None
        if PathFinder.find_spec(f"{self.__name__}.{name}", list(self.__path__)) is not None:
            import_module(f"{self.__name__}.{name}")
            return vars(self)[name]
        return self._whole(name)

    def _places(self) -> list[ModuleType]:
        base = "ccxt.base" if self.__name__ == "ccxt" else "ccxt.async_support.base"
        return [import_module(f"{base}.exchange"), import_module("ccxt.base.errors")]

    def _whole(self, name: str) -> Any:
        assert self.__spec__ is not None and self.__spec__.loader is not None
        if "exchanges" not in vars(self):  # the list of all of them: it has not run yet
            self.__spec__.loader.exec_module(self)
        if name not in vars(self):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return vars(self)[name]


def client_class(exchange: str, *, pro: bool = False) -> Any:
    """The class of an exchange's asynchronous client, with sockets (`pro`) or without."""
    prepare()
    return getattr(import_module("ccxt.pro" if pro else "ccxt.async_support"), exchange)


def prepare() -> None:
    """Put the packages there, unless somebody has imported them already."""
    with _lock:
        if "ccxt" in sys.modules:
            return
        for name in PACKAGES:
            parent, _, own = name.rpartition(".")
            spec = PathFinder.find_spec(name, list(sys.modules[parent].__path__) if parent else None)
            if spec is None or spec.submodule_search_locations is None:
                raise ModuleNotFoundError("ccxt is not installed: run `make setup`.", name=name)
            package = _Package(name)
            package.__spec__, package.__file__, package.__package__ = spec, spec.origin, name
            package.__loader__, package.__path__ = spec.loader, list(spec.submodule_search_locations)
            sys.modules[name] = package
            if parent:
                setattr(sys.modules[parent], own, package)
