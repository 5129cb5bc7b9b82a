"""A textual syntax for a choice with options, and registries of what can be chosen.

    member = name *( ":" key "=" value )

`reverse_sigmoid:beta=.5:gamma=.2`, for instance. Names and keys are identifiers; a value has one or
more of the characters A-Z a-z 0-9 _ . + - / ~. So a member needs no quotes in a shell, and members
can be listed with commas between them.

An option can name a member of another registry. The options of that member then follow with the
name of the option and an underscore before each: `aware:guess=reverse_sigmoid:guess_beta=.5`.

A secret is in no member. In its place is a reference to it, `env/NAME` or `file/PATH`; see
`revsig_keras.secret_references`.
"""
import dataclasses
import functools
import inspect
import math
import re
from typing import Any, Callable, Collection, Mapping

from revsig_keras.secret_references import is_reference
from revsig_keras.secret_references import read_secret

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VALUE = re.compile(r"[A-Za-z0-9_.+/~-]+")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_GRAMMAR = "`name` or `name:key=value:key=value`"


@dataclasses.dataclass(frozen=True)
class Member:
    """A name and its options, both as written; `str(member)` writes them again."""
    name: str
    options: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return ":".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])


def parse_member(text: str) -> Member:
    """Parses a member.

    >>> parse_member("reverse_sigmoid:beta=.5")
    Member(name='reverse_sigmoid', options={'beta': '.5'})

    Args:
        text: String, a member as described at the top of this module.

    Returns:
        The `Member`.
    """
    if not isinstance(text, str):
        raise ValueError(f"A member must be {_GRAMMAR}, as text. "
                         f"Received: {text!r} (of type {type(text)})")
    name, *pairs = text.split(":")
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"A member must be {_GRAMMAR}, the name an identifier. "
                         f"Received: {text!r} with the name {name!r}")
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (equals and _IDENTIFIER.fullmatch(key) and _VALUE.fullmatch(value)):
            raise ValueError(f"A member must be {_GRAMMAR}, without spaces or empty parts. "
                             f"Received: {text!r} with the option {pair!r}")
        if key in options:
            raise ValueError(f"A member must give each key once. Received: {text!r} with the key "
                             f"{key!r} repeated")
        options[key] = value
    return Member(name, options)


def member_of(name: str, options: Mapping[str, Any]) -> Member:
    """Returns the member with a name and typed options."""
    return Member(name, _written(options))


class Registry:
    """Makes objects from members; a member's options are arguments of the named factory.

    The keys of a member are the parameters of the factory with a default of type float, int, bool
    or str. A value is converted to the type of that default: booleans are `true` or `false`, floats
    are finite. Where a member is spelled with all its options, a keyword-only one is left out
    unless it differs from its default. Parameters that the factory's attribute `secrets` names take
    references to secrets; their default is text. The factory's attribute `nested` maps parameters
    to the registries whose members they name; the factory receives such a member as it is written,
    and the default is `""`, none.

    >>> fractions = Registry("fraction", {"ratio": lambda over=1, under=1: over / under})
    >>> fractions.make("ratio:under=4")
    0.25
    >>> fractions.resolve("ratio:under=4")
    ('ratio', {'over': 1, 'under': 4})

    Args:
        kind: String, what the factories make, for error messages.
        factories: Dict of callables by name.
        without: Names of parameters that are no options.
        base: Class that the factories added later must be subclasses of. Defaults to `None`: any
            callable can be added.
    """

    def __init__(self,
                 kind: str,
                 factories: Mapping[str, Callable[..., Any]],
                 without: Collection[str] = (),
                 base: type | None = None):
        self.kind = kind
        self._factories = dict(factories)
        self._without = frozenset(without)
        self._base = base

    def add(self, name: str, factory: Callable[..., Any]) -> None:
        """Adds a factory, so that its name can be chosen like a built-in one.

        >>> fractions = Registry("fraction", {})
        >>> fractions.add("ratio", lambda over=1, under=1: over / under)
        >>> fractions.make("ratio:over=3:under=4")
        0.75

        Args:
            name: String, an identifier that is not taken.
            factory: Class or function. Every parameter has a default.

        Raises:
            ValueError: If the name is taken or no identifier, or if the factory cannot be chosen.
        """
        if not _IDENTIFIER.fullmatch(name) or name in self._factories:
            raise ValueError(f"The name of a new {self.kind} must be an identifier that is not "
                             f"taken. Received: {name!r}")
        self.check_factory(factory)
        self._factories[name] = factory

    def check_factory(self, factory: Callable[..., Any]) -> None:
        """Raises `ValueError` for a factory that cannot be added."""
        if not callable(factory):
            raise ValueError(f"A new {self.kind} must be a class or a function, which makes it. "
                             f"Received: {factory!r}")
        base = self._base
        if base and not (isinstance(factory, type) and issubclass(factory, base)):
            raise ValueError(f"A new {self.kind} must be a subclass of "
                             f"`{base.__module__}.{base.__qualname__}`. Received: {factory!r}")
        abstract = getattr(factory, "__abstractmethods__", ())
        if abstract:
            missing = ", ".join(f"`{method}`" for method in sorted(abstract))
            raise ValueError(f"A new {self.kind} must implement {missing}. Received: {factory!r}")
        required = [
            key for key, parameter in _parameters(factory).items()
            if parameter.default is parameter.empty and parameter.kind not in _VARIADIC
        ]
        if required:
            raise ValueError(f"Every parameter of a new {self.kind} must have a default. Received: "
                             f"{factory!r} with none for {', '.join(required)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names that can be chosen, as a tuple."""
        return tuple(self._factories)

    @property
    def usage(self) -> str:
        """All members, with all options at their defaults, for a help text."""
        return ", ".join(self.spell(name) for name in self.names)

    def spell(self, text: str) -> str:
        """Returns the member `text` with all its options, the same for every spelling of it."""
        name, options = self.resolve(text)
        return str(member_of(name, options))

    def make(self, text: str) -> Any:
        """Calls the factory with the options of the member `text`, and returns the result."""
        name, options = self._typed(text)
        secrets = {key: read_secret(options[key]) for key in self._secrets(name) if key in options}
        try:
            return self._factories[name](**{**options, **secrets})
        except ValueError as error:
            reason, cause = str(error), None if secrets else error
            for secret in filter(None, secrets.values()):
                reason = reason.replace(secret, "<secret>")
            raise ValueError(f"Invalid {self.kind} {text!r}: {reason}") from cause

    def without_secrets(self, text: str) -> str:
        """Returns the member `text` without its references to secrets, as strangers know it."""
        self._typed(text)
        member = parse_member(text)
        secrets = self._secrets(member.name)
        kept = {key: value for key, value in member.options.items() if key not in secrets}
        return str(Member(member.name, kept))

    def resolve(self, text: str) -> tuple[str, dict[str, Any]]:
        """Returns the name and all typed options of the member `text`, with defaults filled in."""
        name, options = self._typed(text)
        rare = self._defaults(name, rare=True)
        written = {key: value for key, value in options.items() if rare.get(key) != value}
        resolved = {**self._defaults(name), **written}
        for key, registry in self._nested(name).items():
            if resolved.get(key):
                resolved[key], inner = registry.resolve(resolved[key])
                resolved.update((f"{key}_{option}", value) for option, value in inner.items())
        return name, resolved

    def _typed(self, text: str) -> tuple[str, dict[str, Any]]:
        member = parse_member(text)
        if member.name not in self._factories:
            raise ValueError(f"Unknown {self.kind} {member.name!r} in {text!r}. "
                             f"Expected one of: {', '.join(self.names)}")
        defaults = {**self._defaults(member.name), **self._defaults(member.name, rare=True)}
        for key in self._secrets(member.name):
            if not is_reference(member.options.get(key, "env/NAME")):
                raise ValueError(f"The option {key!r} of the {self.kind} {member.name!r} is a "
                                 "secret. Expected a reference to it: env/NAME or file/PATH")
        member = self._join_nested(member, defaults)
        for key in member.options:
            if key not in defaults:
                takes = f"takes: {', '.join(defaults)}" if defaults else "takes no options"
                raise ValueError(f"Unknown option {key!r} in {text!r}: "
                                 f"the {self.kind} {member.name!r} {takes}")
        return member.name, {
            key: _convert(value, type(defaults[key]), key, text)
            for key, value in member.options.items()
        }

    def _join_nested(self, member: Member, own: Collection[str]) -> Member:
        """Returns the member with each nested member as the value of one option."""
        options = dict(member.options)
        for outer, registry in self._nested(member.name).items():
            if outer not in options:
                continue
            prefix = f"{outer}_"
            inner = [key for key in options if key.startswith(prefix) and key not in own]
            nested = Member(options[outer],
                            {key.removeprefix(prefix): options.pop(key) for key in inner})
            registry.resolve(str(nested))  # Refuses unknown names and options.
            options[outer] = str(nested)
        return Member(member.name, options)

    def _nested(self, name: str) -> Mapping[str, "Registry"]:
        return getattr(self._factories[name], "nested", {})

    def _secrets(self, name: str) -> Collection[str]:
        return getattr(self._factories[name], "secrets", ())

    def _defaults(self, name: str, rare: bool = False) -> dict[str, Any]:
        """Returns the defaults of the options, or of the keyword-only ones if `rare`."""
        return {
            key: parameter.default
            for key, parameter in _parameters(self._factories[name]).items()
            if type(parameter.default) in _TYPES and key not in self._without and rare == (
                parameter.kind is parameter.KEYWORD_ONLY)
        }


@functools.cache
def _parameters(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Returns the parameters of a factory by name, without `self`."""
    if not isinstance(factory, type):
        return inspect.signature(factory).parameters
    # The signature of a class may be that of `__new__(cls, *args, **kwargs)`.
    parameters = dict(inspect.signature(getattr(factory, "__init__")).parameters)
    parameters.pop(next(iter(parameters)))
    return parameters


def _written(options: Mapping[str, Any]) -> dict[str, str]:
    """Returns typed options as a member writes them."""
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in options.items()
    }


def _convert(value: str, kind: type, key: str, text: str) -> Any:
    matches, convert, expected = _TYPES[kind]
    if not matches(value):
        raise ValueError(f"The option {key!r} in {text!r} must be {expected}. Received: {value!r}")
    return convert(value)


_TYPES: dict[type, tuple[Callable[[str], Any], Callable[[str], Any], str]] = {
    bool: (lambda x: x in ("true", "false"), lambda x: x == "true", "`true` or `false`"),
    int: (_INTEGER.fullmatch, int, "an integer"),
    float: (lambda x: _FLOAT.fullmatch(x) and math.isfinite(float(x)), float, "a finite number"),
    str: (lambda x: True, str, "text"),
}
